"""The commands of a client: parse the PDU, execute it, make the body of the response.

One function a command: it gets the world, the bind, the PDU and the instant, and
returns the body of the answer, written already.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import cast

from msgspec import Struct

from emulator.domain import smpp, smpp_time
from emulator.domain.access import BindConfig
from emulator.domain.command_status import CommandStatus, SmppRefusal
from emulator.domain.segments import MessagePart, parse_sar_part
from emulator.domain.smpp import MessageState, SmppAddress, SubmitOrder
from emulator.operations.platform import smpp as operations
from emulator.operations.platform.smpp import MessageReference
from emulator.smpp import bodies
from emulator.smpp import pdu as wire
from emulator.smpp.bodies import (
    CancelSmBody,
    CommandId,
    DataSmBody,
    MessageBody,
    QuerySmBody,
    ReplaceSmBody,
    SubmitMultiBody,
    TlvTag,
    UnsuccessSme,
)
from emulator.smpp.pdu import Pdu
from emulator.world import World

UNDELIVERABLE_ERROR = 1  # error_code of query_sm; source: assumption SMP-06


class CommandRequest(Struct, frozen=True):
    """A request with its world, its bind and the time."""

    world: World
    bind: BindConfig
    pdu: Pdu
    now: datetime


CommandFunction = Callable[[CommandRequest], bytes]


def execute_submit_sm(request: CommandRequest) -> bytes:
    """Source: SMPP 3.4, 4.4."""
    body = cast("MessageBody", request.pdu.body)
    to = SmppAddress(body.dest_addr_ton, body.dest_addr_npi, body.destination_addr)
    return _submit_order(request, _make_order(request.pdu, body, (to,)))


def execute_data_sm(request: CommandRequest) -> bytes:
    """Source: SMPP 3.4, 4.7."""
    body = cast("DataSmBody", request.pdu.body)
    to = SmppAddress(body.dest_addr_ton, body.dest_addr_npi, body.destination_addr)
    order = SubmitOrder(
        body.service_type,
        SmppAddress(body.source_addr_ton, body.source_addr_npi, body.source_addr),
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
    return _submit_order(request, _add_tlvs(order, request.pdu))


def execute_submit_multi(request: CommandRequest) -> bytes:
    """Send to each valid destination, and list the others in the response.

    Refuses where no destination is named, or none is left.  Source: SMPP 3.4, 4.5.
    """
    body = cast("SubmitMultiBody", request.pdu.body)
    if not body.dest_address:
        raise SmppRefusal(
            CommandStatus.ESME_RINVNUMDESTS, "submit_multi names no destination"
        )
    good, bad = [], []
    for each in body.dest_address:
        try:
            good.append(_parse_destination(each))
        except SmppRefusal as reason:
            bad.append(UnsuccessSme(each.ton, each.npi, each.address, reason.status))
    if not good:
        raise SmppRefusal(
            CommandStatus.ESME_RINVDSTADR, "none of the destinations is one"
        )
    order = _make_order(request.pdu, body, tuple(good))
    return _submit_order(request, order) + wire.UNSUCCESS_SMES.write(tuple(bad))


def execute_query_sm(request: CommandRequest) -> bytes:
    """Source: SMPP 3.4, 4.8."""
    body = cast("QuerySmBody", request.pdu.body)
    standing = operations.query_message(
        request.world,
        MessageReference(body.message_id, body.source_addr),
        bind=request.bind,
        now=request.now,
    )
    date = smpp_time.format_smpp_time(standing.final_at) if standing.final_at else b""
    error = UNDELIVERABLE_ERROR * (standing.state is MessageState.UNDELIVERABLE)
    tail = bytes((standing.state, error))
    return body.message_id + wire.NUL + date + wire.NUL + tail


def execute_cancel_sm(request: CommandRequest) -> bytes:
    """Source: SMPP 3.4, 4.9: without a message_id, all with the same addresses."""
    body = cast("CancelSmBody", request.pdu.body)
    if body.message_id:
        named = MessageReference(body.message_id, body.source_addr)
        operations.cancel_message(
            request.world, named, bind=request.bind, now=request.now
        )
        return b""
    to = SmppAddress(body.dest_addr_ton, body.dest_addr_npi, body.destination_addr)
    service = body.service_type.decode("latin-1")
    likeness = (request.bind.system_id, service, body.source_addr, (to,))
    operations.cancel_similar(request.world, likeness, now=request.now)
    return b""


def execute_replace_sm(request: CommandRequest) -> bytes:
    """Source: SMPP 3.4, 4.10."""
    body = cast("ReplaceSmBody", request.pdu.body)
    source = SmppAddress(body.source_addr_ton, body.source_addr_npi, body.source_addr)
    order = SubmitOrder(
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
    named = MessageReference(body.message_id, body.source_addr)
    operations.replace_message(
        request.world, named, order, bind=request.bind, now=request.now
    )
    return b""


COMMAND_FUNCTIONS: Mapping[int, CommandFunction] = {
    CommandId.SUBMIT_SM: execute_submit_sm,
    CommandId.SUBMIT_MULTI: execute_submit_multi,
    CommandId.DATA_SM: execute_data_sm,
    CommandId.QUERY_SM: execute_query_sm,
    CommandId.CANCEL_SM: execute_cancel_sm,
    CommandId.REPLACE_SM: execute_replace_sm,
}
ONE_DESTINATION = (MessageBody, DataSmBody, CancelSmBody)
SUBMIT_COMMANDS = frozenset(
    {CommandId.SUBMIT_SM, CommandId.SUBMIT_MULTI, CommandId.DATA_SM}
)


def parse_pdu_recipients(pdu: Pdu) -> list[int]:
    """Return the destinations of a PDU that are valid cellphones."""
    body = pdu.body
    if isinstance(body, ONE_DESTINATION):
        one = smpp.DESTINATION_PATTERN.fullmatch(body.destination_addr)
        return [int(one[1])] if one else []
    if not isinstance(body, SubmitMultiBody):
        return []
    found = (
        smpp.DESTINATION_PATTERN.fullmatch(each.address) for each in body.dest_address
    )
    return [int(each[1]) for each in found if each]


def _submit_order(request: CommandRequest, order: SubmitOrder) -> bytes:
    """Return the id of the placed message, as a C-octet string."""
    submission = operations.submit_message(
        request.world, order, bind=request.bind, now=request.now
    )
    return b"%d\0" % submission.message


def _make_order(
    pdu: Pdu, body: MessageBody | SubmitMultiBody, destinations: tuple[SmppAddress, ...]
) -> SubmitOrder:
    order = SubmitOrder(
        body.service_type,
        SmppAddress(body.source_addr_ton, body.source_addr_npi, body.source_addr),
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
    return _add_tlvs(order, pdu) if pdu.tlvs else order


def _add_tlvs(order: SubmitOrder, pdu: Pdu) -> SubmitOrder:
    """Return *order* with the values of the optional parameters."""
    reference = pdu.find_tlv(TlvTag.USER_MESSAGE_REFERENCE)
    return order._replace(
        payload=pdu.find_tlv(TlvTag.MESSAGE_PAYLOAD),
        part=_parse_segment(pdu),
        reference=int.from_bytes(reference[:2], "big") if reference else None,
    )


def _parse_segment(pdu: Pdu) -> MessagePart | None:
    return parse_sar_part(
        pdu.find_tlv(TlvTag.SAR_MSG_REF_NUM),
        pdu.find_tlv(TlvTag.SAR_TOTAL_SEGMENTS),
        pdu.find_tlv(TlvTag.SAR_SEGMENT_SEQNUM),
    )


def _parse_destination(named: bodies.DestAddress) -> SmppAddress:
    """Return one destination.  Refuses distribution lists and invalid numbers."""
    if named.is_list:
        raise SmppRefusal(
            CommandStatus.ESME_RINVDLNAME, "there are no distribution lists"
        )
    smpp.parse_destination(named.address)
    return SmppAddress(named.ton, named.npi, named.address)
