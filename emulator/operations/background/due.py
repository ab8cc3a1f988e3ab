"""What is due in a world, one thing at a time, at its instant."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from emulator.domain.delivery import Kind
from emulator.domain.replies import replies
from emulator.faults import Phase, Place, Rule
from emulator.operations.background import receipts
from emulator.operations.background.inbound import is_told_of, received
from emulator.operations.background.outgoing import Text, facts_of, reply_kind
from emulator.timekeeping.work_queue import Expiring, Leaving, Telling, Work, Writing
from emulator.world import Answered, AnsweredEarly, World

LOOKED_AT = 1_000  # replies to a campaign that may come before the answer to its sender


def carry_out(world: World, work: Work, at: datetime) -> None:
    """Carry out the next thing that is due; it then is so no more."""
    world.then(lambda: world.schedule.pop(at))
    if isinstance(work, Writing):
        _write(world, work, at)
    elif isinstance(work, Telling):
        receipts.tell(world, work.campaign, at)
    elif isinstance(work, Expiring):
        receipts.bound(world, work.system_id, at)
    else:
        _leave(world, work, at)


def come_early(world: World, number: int, now: datetime) -> Iterator[int]:
    """Let handsets answer a campaign before it is sent, where a fault asks for that.

    Yield the place of each that has; what was kept of it is then to be carried out.
    """
    campaign = world.campaigns[number]
    early: set[int] = set()
    for reply in islice(replies(campaign, world.account.seed), LOOKED_AT):
        phone = campaign.recipients.numbers[reply.place]
        text = Text(phone, reply.text, now, campaign, reply.place)
        if reply.place in early:
            continue
        if rule := _strike_early(world, text):
            early.add(reply.place)
            received(world, text._replace(fault=rule.id))
            world.keep(AnsweredEarly(number, reply.place))
            yield reply.place


def _strike_early(world: World, text: Text) -> Rule | None:
    """Return the fault rule that has *text* written early, where a push tells of it."""
    if not (world.faults and is_told_of(world, text)):
        return None
    facts = facts_of(text, reply_kind(world, text), Phase.EARLY)
    return world.strike(facts, Place.PUSH)


def _write(world: World, work: Writing, at: datetime) -> None:
    campaign, reply = world.campaigns[work.campaign], work.reply
    number = campaign.recipients.numbers[reply.place]
    received(world, Text(number, reply.text, at, campaign, reply.place))
    world.keep(Answered(campaign.id))


def _leave(world: World, work: Leaving, at: datetime) -> None:
    """Put a delivery into the outbox, and behind it what waited for that."""
    delivery, outbox = world.deliveries[work.delivery], world.outbox
    if delivery.kind is Kind.RECEIPT:
        world.then(lambda: receipts.post(world, delivery, at))
        return
    world.then(lambda: outbox.put(delivery))
    if not delivery.behind:
        for each in outbox.behind(delivery.url):
            world.keep(world.deliveries[each].again(at))
    world.then(world.alarm)
