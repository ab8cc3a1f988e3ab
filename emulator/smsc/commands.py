"""What a client asks for, taken from its PDU and carried out; what the answer holds.

One function a command: it gets the world, the bind, the PDU and the instant, and
returns the body of the answer, written already.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import cast

from msgspec import Struct

from emulator.domain import smpp, smpp_time
from emulator.domain.access import Bind
from emulator.domain.command_status import Declined, Status
from emulator.domain.segments import Part, announced
from emulator.domain.smpp import Address, MessageState, Order
from emulator.operations.platform import smpp as operations
from emulator.operations.platform.smpp import Named
from emulator.smpp import bodies
from emulator.smpp import pdu as wire
from emulator.smpp.bodies import (
    Cancel,
    Command,
    Data,
    Message,
    Multi,
    Query,
    Replace,
    Tag,
    Unsuccess,
)
from emulator.smpp.pdu import Pdu
from emulator.world import World

UNDELIVERABLE = 1  # error_code of query_sm; source: assumption SMP-06


class Asked(Struct, frozen=True):
    """A request in its place and time."""

    world: World
    bind: Bind
    pdu: Pdu
    now: datetime


Answer = Callable[[Asked], bytes]


def submit(asked: Asked) -> bytes:
    """Source: SMPP 3.4, 4.4."""
    body = cast("Message", asked.pdu.body)
    to = Address(body.dest_addr_ton, body.dest_addr_npi, body.destination_addr)
    return _placed(asked, _ordered(asked.pdu, body, (to,)))


def submit_data(asked: Asked) -> bytes:
    """Source: SMPP 3.4, 4.7."""
    body = cast("Data", asked.pdu.body)
    to = Address(body.dest_addr_ton, body.dest_addr_npi, body.destination_addr)
    order = Order(
        body.service_type,
        Address(body.source_addr_ton, body.source_addr_npi, body.source_addr),
        (to,),
        body.esm_class,
        0,
        b"",
        b"",
        body.registered_delivery,
        replaces=False,
        data_coding=body.data_coding,
        default_message=0,
        octets=b"",
    )
    return _placed(asked, _with_parameters(order, asked.pdu))


def submit_multi(asked: Asked) -> bytes:
    """Send to those of many that can be sent to, and name the others.

    Declines where there is nobody, or nobody is left.  Source: SMPP 3.4, 4.5.
    """
    body = cast("Multi", asked.pdu.body)
    if not body.dest_address:
        raise Declined(Status.ESME_RINVNUMDESTS, "submit_multi names nobody")
    good, bad = [], []
    for each in body.dest_address:
        try:
            good.append(_destination(each))
        except Declined as reason:
            bad.append(Unsuccess(each.ton, each.npi, each.address, reason.status))
    if not good:
        raise Declined(Status.ESME_RINVDSTADR, "none of the destinations is one")
    order = _ordered(asked.pdu, body, tuple(good))
    return _placed(asked, order) + wire.UNSUCCESS.write(tuple(bad))


def query(asked: Asked) -> bytes:
    """Source: SMPP 3.4, 4.8."""
    body = cast("Query", asked.pdu.body)
    standing = operations.query(
        asked.world,
        Named(body.message_id, body.source_addr),
        bind=asked.bind,
        now=asked.now,
    )
    date = smpp_time.written(standing.final_at) if standing.final_at else b""
    error = UNDELIVERABLE * (standing.state is MessageState.UNDELIVERABLE)
    tail = bytes((standing.state, error))
    return body.message_id + wire.NUL + date + wire.NUL + tail


def cancel(asked: Asked) -> bytes:
    """Source: SMPP 3.4, 4.9: without a message_id, all that are alike."""
    body = cast("Cancel", asked.pdu.body)
    if body.message_id:
        named = Named(body.message_id, body.source_addr)
        operations.cancel(asked.world, named, bind=asked.bind, now=asked.now)
        return b""
    to = Address(body.dest_addr_ton, body.dest_addr_npi, body.destination_addr)
    service = body.service_type.decode("latin-1")
    likeness = (asked.bind.system_id, service, body.source_addr, (to,))
    operations.cancel_alike(asked.world, likeness, now=asked.now)
    return b""


def replace(asked: Asked) -> bytes:
    """Source: SMPP 3.4, 4.10."""
    body = cast("Replace", asked.pdu.body)
    source = Address(body.source_addr_ton, body.source_addr_npi, body.source_addr)
    order = Order(
        b"",
        source,
        (),
        0,
        0,
        body.schedule_delivery_time,
        body.validity_period,
        body.registered_delivery,
        replaces=False,
        data_coding=0,
        default_message=body.sm_default_msg_id,
        octets=body.short_message,
    )
    named = Named(body.message_id, body.source_addr)
    operations.replace(asked.world, named, order, bind=asked.bind, now=asked.now)
    return b""


ANSWERS: Mapping[int, Answer] = {
    Command.SUBMIT_SM: submit,
    Command.SUBMIT_MULTI: submit_multi,
    Command.DATA_SM: submit_data,
    Command.QUERY_SM: query,
    Command.CANCEL_SM: cancel,
    Command.REPLACE_SM: replace,
}
TO_ONE = (Message, Data, Cancel)
SUBMITTING = frozenset({Command.SUBMIT_SM, Command.SUBMIT_MULTI, Command.DATA_SM})


def recipients(pdu: Pdu) -> list[int]:
    """Return the cellphones that a PDU names, as far as they are some."""
    body = pdu.body
    if isinstance(body, TO_ONE):
        one = smpp.CELLPHONE.fullmatch(body.destination_addr)
        return [int(one[1])] if one else []
    if not isinstance(body, Multi):
        return []
    found = (smpp.CELLPHONE.fullmatch(each.address) for each in body.dest_address)
    return [int(each[1]) for each in found if each]


def _placed(asked: Asked, order: Order) -> bytes:
    """Return the id of what is placed, as a C-octet string."""
    submission = operations.submit(asked.world, order, bind=asked.bind, now=asked.now)
    return b"%d\0" % submission.message


def _ordered(
    pdu: Pdu, body: Message | Multi, destinations: tuple[Address, ...]
) -> Order:
    order = Order(
        body.service_type,
        Address(body.source_addr_ton, body.source_addr_npi, body.source_addr),
        destinations,
        body.esm_class,
        body.priority_flag,
        body.schedule_delivery_time,
        body.validity_period,
        body.registered_delivery,
        body.replace_if_present_flag == 1,
        body.data_coding,
        body.sm_default_msg_id,
        body.short_message,
    )
    return _with_parameters(order, pdu) if pdu.tlvs else order


def _with_parameters(order: Order, pdu: Pdu) -> Order:
    """Return *order* with what optional parameters say of it."""
    reference = pdu.tlv(Tag.USER_MESSAGE_REFERENCE)
    return order._replace(
        payload=pdu.tlv(Tag.MESSAGE_PAYLOAD),
        part=_part(pdu),
        reference=int.from_bytes(reference[:2], "big") if reference else None,
    )


def _part(pdu: Pdu) -> Part | None:
    return announced(
        pdu.tlv(Tag.SAR_MSG_REF_NUM),
        pdu.tlv(Tag.SAR_TOTAL_SEGMENTS),
        pdu.tlv(Tag.SAR_SEGMENT_SEQNUM),
    )


def _destination(named: bodies.Address) -> Address:
    """Return one of many.  Declines lists, of which there are none, and no numbers."""
    if named.is_list:
        raise Declined(Status.ESME_RINVDLNAME, "there are no distribution lists")
    smpp.cellphone(named.address)
    return Address(named.ton, named.npi, named.address)
