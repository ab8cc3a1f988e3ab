"""Messages submitted by SMPP: their checks, their price and their state.

Each submission is a campaign of one (that of a submit_multi, of several), whose
message id is the id answered; from then on it fares as any other campaign does.

Source: manual SMP-01 to SMP-03; SMPP 3.4, chapters 4 and 5, where the manual is silent.
"""

import re
from datetime import datetime
from enum import IntEnum
from typing import NamedTuple

from emulator.domain import dlr, smpp_time, sms
from emulator.domain.access import BindConfig
from emulator.domain.account import Account, Route
from emulator.domain.bounds import Count, Id, Octet, PlannedInstant
from emulator.domain.coding import DATA_CODINGS, Alphabet, count_parts, decode_text
from emulator.domain.command_status import CommandStatus, SmppRefusal
from emulator.domain.recipients import NO_FIELDS, Recipients
from emulator.domain.refusals import Refusal
from emulator.domain.segments import MessagePart, parse_user_data
from emulator.domain.sms import CampaignSource, SmsCampaign, SmsIds
from emulator.domain.text import LengthFlags, TextTemplate
from emulator.domain.timeline import InterventionKind

# Ten digits, as over HTTP (SMS-05); what may precede them is assumption SMP-01.
DESTINATION_PATTERN = re.compile(rb"\+?(?:521?)?([0-9]{10})")
MAX_SOURCE_ADDRESS = 20  # octets; source: SMPP 3.4, 4.4.1
MAX_SERVICE_TYPE = 5
PRIORITIES = range(4)  # source: SMPP 3.4, 5.2.14
# Bits 5-2 of esm_class from a client; 5.2.12
CLIENT_MESSAGE_TYPES = frozenset({0x00, 0x08, 0x10})
MESSAGE_TYPE_BITS, UDHI_BIT = 0x3C, 0x40
RECEIPT_BITS, RESERVED_BITS = 0x03, 0xC0  # bits of registered_delivery; 5.2.17
ALWAYS, ON_FAILURE = 1, 2
SINGLE_PART_OCTETS = 70  # octets that are one part in every alphabet
ENCODED_FLAGS, LONG_FLAGS = LengthFlags(encode=True), LengthFlags(long_message=True)


class SmppAddress(NamedTuple):
    ton: Octet
    npi: Octet
    number: bytes


class SubmitOrder(NamedTuple):
    """An order to send, from submit_sm, submit_multi or data_sm."""

    service_type: bytes
    source: SmppAddress
    destinations: tuple[SmppAddress, ...]
    esm_class: int
    priority: int
    schedule: bytes
    validity: bytes
    registered: int
    replaces: bool
    data_coding: int
    default_message: int
    octets: bytes
    payload: bytes | None = None  # instead of them
    part: MessagePart | None = None  # as parameters have it
    reference: int | None = None  # the client's own


class Submission(NamedTuple):
    """What is kept of a campaign that came by SMPP, beside the campaign."""

    id: Id  # of the campaign
    message: Id  # the id answered
    system_id: str
    service_type: str
    source: SmppAddress
    destinations: tuple[SmppAddress, ...]
    data_coding: Octet
    registered: Octet
    part: MessagePart | None
    reference: Count | None
    told: Count = 0  # recipients whose receipt was made, or is not wanted
    answered_at: PlannedInstant | None = None  # where the answer to it is late

    @property
    def replace_key(self) -> tuple[str, str, bytes, tuple[SmppAddress, ...]]:
        """What a message has in common with one that it may replace.

        Source: SMPP 3.4, 5.2.18.
        """
        return self.system_id, self.service_type, self.source.number, self.destinations


class MessageState(IntEnum):
    """Source: SMPP 3.4, 5.2.28."""

    ENROUTE = 1
    DELIVERED = 2
    EXPIRED = 3
    DELETED = 4
    UNDELIVERABLE = 5
    ACCEPTED = 6
    UNKNOWN = 7
    REJECTED = 8


STATE_BY_STATUS = {
    "sent": MessageState.DELIVERED,
    "failed": MessageState.UNDELIVERABLE,
    "cancelled": MessageState.DELETED,
}


class MessageContent(NamedTuple):
    """The decoded content of a message."""

    text: str
    alphabet: Alphabet
    parts: int
    part: MessagePart | None


def parse_destination(address: bytes) -> int:
    """Return the ten digits of a destination.  Refuses anything else."""
    found = DESTINATION_PATTERN.fullmatch(address)
    if found is None:
        why = f"{address.decode('latin-1')!r} is not ten digits, or 52 or 521 and ten"
        raise SmppRefusal(CommandStatus.ESME_RINVDSTADR, why)
    return int(found[1])


def make_submission(  # noqa: PLR0913 - an order, and all that its campaign depends on
    order: SubmitOrder,
    bind: BindConfig,
    account: Account,
    *,
    ids: SmsIds,
    now: datetime,
    world: str,
) -> tuple[SmsCampaign, Submission]:
    """Return the campaign that *order* asks for, unpaid, and what else is known of it.

    Refuses with the status that the specification has for the mistake.
    """
    _check_order(order)
    numbers = tuple([parse_destination(each.number) for each in order.destinations])
    source = _choose_source(order.source, bind)
    content = read_content(order, bind)
    scheduled_at = _parse_schedule(order.schedule, now, account)
    expires_at = _parse_validity(order.validity, scheduled_at or now, now)
    route = _choose_bind_route(bind, account)
    recipients = Recipients(numbers, NO_FIELDS)
    charged = content.parts if account.assumptions.chosen["charge"] == "per_part" else 1
    campaign = SmsCampaign(
        ids.campaign,
        None,
        route,
        account.countries[route.country].name,
        TextTemplate(content.text, (content.text,), ()),
        _choose_flags(content),
        recipients,
        sms.decide_outcomes(content.text, recipients, account),
        ids.message,
        now,
        scheduled_at,
        sms.make_send_schedule(account.pace, len(numbers), now=now, date=scheduled_at),
        account.pace,
        route.price * charged * len(numbers),
        None,
        account.short_link_base,
        world,
        account.population.profiles,
        CampaignSource.SMPP,
        expires_at,
    )
    submission = Submission(
        ids.campaign,
        ids.message,
        bind.system_id,
        order.service_type.decode("latin-1"),
        source,
        order.destinations,
        order.data_coding,
        order.registered,
        content.part,
        order.reference,
    )
    return campaign, submission


def read_content(order: SubmitOrder, bind: BindConfig) -> MessageContent:
    """Return what *order* says.  A header within the text goes before parameters.

    Refuses a text and a payload together, and a header longer than the text.
    """
    octets, part = order.octets, order.part
    if order.payload is not None:
        if octets:
            why = "short_message and message_payload are both given"
            raise SmppRefusal(CommandStatus.ESME_RINVMSGLEN, why)
        octets = order.payload
    if order.esm_class & UDHI_BIT:
        part, octets = parse_user_data(octets)
    written_in = DATA_CODINGS.get(order.data_coding, bind.coding)
    alone = (
        part is not None
        or order.esm_class & UDHI_BIT
        or len(octets) <= SINGLE_PART_OCTETS
    )
    return MessageContent(
        decode_text(octets, written_in),
        written_in,
        1 if alone else count_parts(octets, written_in),
        part,
    )


def wants_receipt(registered: int, state: MessageState) -> bool:
    """Whether *registered* asks for a receipt of *state*.  Source: SMPP 3.4, 5.2.17."""
    asked = registered & RECEIPT_BITS
    return asked == ALWAYS or (
        asked == ON_FAILURE and state is not MessageState.DELIVERED
    )


def compute_message_state(
    campaign: SmsCampaign, index: int, now: datetime
) -> MessageState:
    """Return where one of its messages stands.  Source: SMPP 3.4, 5.2.28."""
    last = campaign.line.last_intervention(now)
    if last and last.change is InterventionKind.LOST:
        return MessageState.UNKNOWN
    expires_at = campaign.expires_at
    if expires_at is not None and expires_at <= now:
        final_at = dlr.compute_final_time(campaign._replace(expires_at=None), index)
        if final_at is None or final_at > expires_at:
            return MessageState.EXPIRED
    status = dlr.compute_message_status(campaign, index, now)
    return STATE_BY_STATUS.get(status, MessageState.ENROUTE)


def is_pending(campaign: SmsCampaign, now: datetime) -> bool:
    """Whether nothing of the campaign has been sent, nor given up."""
    final = dlr.count_final(campaign, now)
    return not final and not campaign.line.count_due(now)


def cancel_pending_message(campaign: SmsCampaign, now: datetime) -> SmsCampaign:
    """Cancel a message that has not been sent.  Refuses any other."""
    if not is_pending(campaign, now):
        why = f"message {campaign.first_message} is not pending any more"
        raise SmppRefusal(CommandStatus.ESME_RCANCELFAIL, why)
    try:
        return dlr.cancel_sending(campaign, now)
    except Refusal as refusal:
        raise SmppRefusal(CommandStatus.ESME_RCANCELFAIL, refusal.why) from refusal


def replace_pending_message(  # noqa: PLR0913 - a message, and what of it is to be another
    campaign: SmsCampaign,
    submission: Submission,
    order: SubmitOrder,
    bind: BindConfig,
    account: Account,
    *,
    now: datetime,
) -> tuple[SmsCampaign, Submission]:
    """Return the campaign with another text, dates and wish for a receipt.

    What was charged stays.  Refuses a message that has been sent.

    Source: SMPP 3.4, 4.10: a schedule or a validity that is empty stays as it was.
    """
    if not is_pending(campaign, now):
        why = f"message {campaign.first_message} is not pending any more"
        raise SmppRefusal(CommandStatus.ESME_RREPLACEFAIL, why)
    _check_receipt(order.registered)
    content = read_content(order._replace(data_coding=submission.data_coding), bind)
    line, scheduled_at = campaign.line, campaign.scheduled_at
    if order.schedule:
        scheduled_at = _parse_schedule(order.schedule, now, account)
        line = line._replace(starts_at=max(scheduled_at or now, now))
    expires_at = campaign.expires_at
    if order.validity:
        expires_at = _parse_validity(order.validity, scheduled_at or now, now)
    changed = campaign._replace(
        template=TextTemplate(content.text, (content.text,), ()),
        scheduled_at=scheduled_at,
        line=line,
        expires_at=expires_at,
    )
    return changed, submission._replace(registered=order.registered)


def _check_order(order: SubmitOrder) -> None:
    """Refuse invalid fields of a message.  Source: SMPP 3.4, 5.1.3 and 5.2."""
    if len(order.service_type) > MAX_SERVICE_TYPE:
        raise SmppRefusal(
            CommandStatus.ESME_RINVSERTYP, f"service_type: over {MAX_SERVICE_TYPE}"
        )
    if order.esm_class & MESSAGE_TYPE_BITS not in CLIENT_MESSAGE_TYPES:
        why = f"esm_class 0x{order.esm_class:02X} is of no type that a client sends"
        raise SmppRefusal(CommandStatus.ESME_RINVESMCLASS, why)
    if order.priority not in PRIORITIES:
        raise SmppRefusal(
            CommandStatus.ESME_RINVPRTFLG, f"priority_flag {order.priority}"
        )
    if order.default_message:
        why = f"there is no predefined message {order.default_message}"
        raise SmppRefusal(CommandStatus.ESME_RINVDFTMSGID, why)
    _check_receipt(order.registered)


def _check_receipt(registered: int) -> None:
    if registered & RESERVED_BITS or registered & RECEIPT_BITS == RECEIPT_BITS:
        why = f"registered_delivery 0x{registered:02X} has reserved bits"
        raise SmppRefusal(CommandStatus.ESME_RINVREGDLVFLG, why)


def _choose_source(source: SmppAddress, bind: BindConfig) -> SmppAddress:
    """Return the sender that is shown.  Source: manual SMP-01, the Sender_ID."""
    if len(source.number) > MAX_SOURCE_ADDRESS:
        raise SmppRefusal(
            CommandStatus.ESME_RINVSRCADR,
            f"source_addr: over {MAX_SOURCE_ADDRESS} octets",
        )
    if not bind.senders:
        return source
    if not source.number:
        return source._replace(number=bind.senders[0].encode("latin-1"))
    if source.number.decode("latin-1") not in bind.senders:
        why = f"{bind.system_id} sends as {', '.join(bind.senders)}"
        raise SmppRefusal(CommandStatus.ESME_RINVSRCADR, why)
    return source


def _choose_bind_route(bind: BindConfig, account: Account) -> Route:
    """Return the bind's route, or else the account's first."""
    wanted = bind.route
    route = (
        next(iter(account.routes.values()), None)
        if wanted is None
        else account.routes.get(wanted)
    )
    if route is None:
        raise SmppRefusal(
            CommandStatus.ESME_RSUBMITFAIL, "the bind's route does not exist"
        )
    return route


def _parse_schedule(text: bytes, now: datetime, account: Account) -> datetime | None:
    """Return when to send.  A date in the past is at once, but in strict worlds."""
    if not text:
        return None
    try:
        at = smpp_time.parse_smpp_time(text, now)
    except ValueError as error:
        raise SmppRefusal(CommandStatus.ESME_RINVSCHED, f"schedule: {error}") from error
    if at is not None and at < now and "SMS-37" in account.assumptions.closed:
        raise SmppRefusal(CommandStatus.ESME_RINVSCHED, "the scheduled date has passed")
    return at


def _parse_validity(text: bytes, sent_at: datetime, now: datetime) -> datetime | None:
    """Return the end of the validity.  Refuses a date before the message is sent."""
    if not text:
        return None
    try:
        at = smpp_time.parse_smpp_time(text, now)
    except ValueError as error:
        raise SmppRefusal(
            CommandStatus.ESME_RINVEXPIRY, f"validity: {error}"
        ) from error
    if at is not None and at <= max(sent_at, now):
        raise SmppRefusal(
            CommandStatus.ESME_RINVEXPIRY, "the validity has passed by then"
        )
    return at


def _choose_flags(content: MessageContent) -> LengthFlags:
    """Return how the HTTP API would have had to be asked for such a text."""
    if content.alphabet is Alphabet.UCS_2:
        return ENCODED_FLAGS
    return LONG_FLAGS if content.parts > 1 else sms.PLAIN_FLAGS
