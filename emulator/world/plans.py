"""Schedule what will happen in a world by itself, from what it keeps."""

from typing import Any

from emulator.domain.delivery import Delivery
from emulator.domain.receipt import find_next_receipt
from emulator.domain.replies import expects_replies
from emulator.domain.smpp import Submission
from emulator.domain.sms import SmsCampaign


def plan_replies(world: Any, campaign: SmsCampaign) -> None:
    """Schedule the replies of handsets to a campaign."""
    world.work_queue.schedule_replies(
        campaign,
        seed=world.account.seed,
        done=world.answered.get(campaign.id, 0),
        early=world.early.get(campaign.id, ()),
    )


def plan_receipt(world: Any, submission: Submission) -> None:
    """Schedule the next receipt of an SMPP submission."""
    following = find_next_receipt(world.campaigns[submission.id], submission)
    world.work_queue.schedule_receipt(
        submission.id, following[1] if following else None
    )


def plan_delivery(world: Any, made: Delivery) -> None:
    """Schedule a delivery, and note whether it waits for another."""
    world.work_queue.schedule_delivery(made)
    world.outbox.note_deferral(made)


def plan_all(world: Any) -> None:
    """Schedule all that follows from the state."""
    for campaign in world.campaigns.values():
        if expects_replies(campaign):
            plan_replies(world, campaign)
    for submission in world.submissions.values():
        plan_receipt(world, submission)
    for each in world.deliveries.values():
        plan_delivery(world, each)
        if each.is_over:
            world.outbox.finished.append(each.id)
