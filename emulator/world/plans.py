"""What will happen in a world by itself, put down from what it keeps."""

from typing import Any

from emulator.world.world import World  # TEMP
from emulator.domain.delivery import Delivery
from emulator.domain.receipt import next_told
from emulator.domain.replies import expected
from emulator.domain.smpp import Submission
from emulator.domain.sms import Campaign


def replies(world: "World", campaign: Campaign) -> None:
    """Put down what handsets are going to write."""
    world.schedule.expect(
        campaign,
        seed=world.account.seed,
        done=world.answered.get(campaign.id, 0),
        early=world.early.get(campaign.id, ()),
    )


def receipt(world: "World", submission: Submission) -> None:
    """Put down when the client is told the next fate."""
    following = next_told(world.campaigns[submission.id], submission)
    world.schedule.tell(submission.id, following[1] if following else None)


def delivery(world: "World", made: Delivery) -> None:
    """Put down when a delivery is due, and whether it lets another go before."""
    world.schedule.wait(made)
    world.outbox.hold(made)


def put_down(world: "World") -> None:
    """Put down all that the state says will happen."""
    for campaign in world.campaigns.values():
        if expected(campaign):
            replies(world, campaign)
    for submission in world.submissions.values():
        receipt(world, submission)
    for each in world.deliveries.values():
        delivery(world, each)
        if each.is_over:
            world.outbox.over.append(each.id)
