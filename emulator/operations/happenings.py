"""What is due in a world, carried out: each thing at its instant, in order.

Whoever comes to a world first brings it up to the time; what is read there never
depends on when it is read.
"""

from datetime import datetime
from itertools import islice

from emulator.domain.delivery import Kind
from emulator.domain.replies import replies
from emulator.faults import Phase, Place, Rule
from emulator.operations import receipts
from emulator.operations.inbound import is_told_of, received
from emulator.operations.outgoing import Text, facts_of, reply_kind
from emulator.schedule import Expiring, Leaving, Telling, Work, Writing
from emulator.world import Answering, World

TURN = 50  # things after which others are let in
LOOKED_AT = 1_000  # replies to a campaign that may come before the answer to its sender


def catch_up(world: World, now: datetime, most: int = TURN) -> bool:
    """Carry out so much of what has fallen due until *now*; return whether it was all.

    Each thing is a transaction.
    """
    for _ in range(most):
        due = world.schedule.pop(now)
        if due is None:
            break
        try:
            _carry_out(world, due[1], due[0])
        except BaseException:
            world.forget()
            raise
        world.commit(happened=True)
    receipts.log_dropped(world)
    return world.schedule.next_at > now


def _carry_out(world: World, work: Work, at: datetime) -> None:
    if isinstance(work, Writing):
        _write(world, work, at)
    elif isinstance(work, Telling):
        receipts.tell(world, work.campaign, at)
    elif isinstance(work, Expiring):
        receipts.bound(world, work.system_id, at)
    else:
        _leave(world, work, at)


def come_early(world: World, number: int, now: datetime) -> bool:
    """Let handsets answer a campaign before it is sent, where a fault asks for that.

    Return whether one does.
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
            world.keep(Answering(number, early=reply.place))
            world.commit(happened=True)
    return bool(early)


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
    world.keep(Answering(campaign.id))


def _leave(world: World, work: Leaving, at: datetime) -> None:
    """Put a delivery into the outbox, and behind it what waited for that."""
    delivery, outbox = world.deliveries[work.delivery], world.outbox
    if delivery.kind is Kind.RECEIPT:
        receipts.post(world, delivery, at)
        return
    outbox.put(delivery)
    if not delivery.behind:
        for each in outbox.released(delivery.url):
            world.keep(world.deliveries[each].again(at))
    world.alarm()
