"""The vocabulary of SMPP 3.4: commands, parameters, and the bodies of PDUs.

Texts are octets here: what they mean is not this module's matter.

Source: SMPP 3.4, chapters 4 and 5.
"""

from enum import IntEnum
from typing import NamedTuple

RESPONSE_BIT = 0x8000_0000  # the bit that makes a request's command its answer's


class CommandId(IntEnum):
    """Source: SMPP 3.4, 5.1.2.1."""

    BIND_RECEIVER = 0x01
    BIND_TRANSMITTER = 0x02
    QUERY_SM = 0x03
    SUBMIT_SM = 0x04
    DELIVER_SM = 0x05
    UNBIND = 0x06
    REPLACE_SM = 0x07
    CANCEL_SM = 0x08
    BIND_TRANSCEIVER = 0x09
    OUTBIND = 0x0B
    ENQUIRE_LINK = 0x15
    SUBMIT_MULTI = 0x21
    ALERT_NOTIFICATION = 0x102
    DATA_SM = 0x103
    GENERIC_NACK = RESPONSE_BIT
    BIND_RECEIVER_RESP = 0x01 | RESPONSE_BIT
    BIND_TRANSMITTER_RESP = 0x02 | RESPONSE_BIT
    QUERY_SM_RESP = 0x03 | RESPONSE_BIT
    SUBMIT_SM_RESP = 0x04 | RESPONSE_BIT
    DELIVER_SM_RESP = 0x05 | RESPONSE_BIT
    UNBIND_RESP = 0x06 | RESPONSE_BIT
    REPLACE_SM_RESP = 0x07 | RESPONSE_BIT
    CANCEL_SM_RESP = 0x08 | RESPONSE_BIT
    BIND_TRANSCEIVER_RESP = 0x09 | RESPONSE_BIT
    ENQUIRE_LINK_RESP = 0x15 | RESPONSE_BIT
    SUBMIT_MULTI_RESP = 0x21 | RESPONSE_BIT
    DATA_SM_RESP = 0x103 | RESPONSE_BIT


class TlvTag(IntEnum):
    """Source: SMPP 3.4, 5.3.2."""

    DEST_ADDR_SUBUNIT = 0x0005
    DEST_NETWORK_TYPE = 0x0006
    DEST_BEARER_TYPE = 0x0007
    DEST_TELEMATICS_ID = 0x0008
    SOURCE_ADDR_SUBUNIT = 0x000D
    SOURCE_NETWORK_TYPE = 0x000E
    SOURCE_BEARER_TYPE = 0x000F
    SOURCE_TELEMATICS_ID = 0x0010
    QOS_TIME_TO_LIVE = 0x0017
    PAYLOAD_TYPE = 0x0019
    ADDITIONAL_STATUS_INFO_TEXT = 0x001D
    RECEIPTED_MESSAGE_ID = 0x001E
    MS_MSG_WAIT_FACILITIES = 0x0030
    PRIVACY_INDICATOR = 0x0201
    SOURCE_SUBADDRESS = 0x0202
    DEST_SUBADDRESS = 0x0203
    USER_MESSAGE_REFERENCE = 0x0204
    USER_RESPONSE_CODE = 0x0205
    SOURCE_PORT = 0x020A
    DESTINATION_PORT = 0x020B
    SAR_MSG_REF_NUM = 0x020C
    LANGUAGE_INDICATOR = 0x020D
    SAR_TOTAL_SEGMENTS = 0x020E
    SAR_SEGMENT_SEQNUM = 0x020F
    SC_INTERFACE_VERSION = 0x0210
    CALLBACK_NUM_PRES_IND = 0x0302
    CALLBACK_NUM_ATAG = 0x0303
    NUMBER_OF_MESSAGES = 0x0304
    CALLBACK_NUM = 0x0381
    DPF_RESULT = 0x0420
    SET_DPF = 0x0421
    MS_AVAILABILITY_STATUS = 0x0422
    NETWORK_ERROR_CODE = 0x0423
    MESSAGE_PAYLOAD = 0x0424
    DELIVERY_FAILURE_REASON = 0x0425
    MORE_MESSAGES_TO_SEND = 0x0426
    MESSAGE_STATE = 0x0427
    USSD_SERVICE_OP = 0x0501
    DISPLAY_TIME = 0x1201
    SMS_SIGNAL = 0x1203
    MS_VALIDITY = 0x1204
    ALERT_ON_MESSAGE_DELIVERY = 0x130C
    ITS_REPLY_TYPE = 0x1380
    ITS_SESSION_INFO = 0x1383


class EmptyBody(NamedTuple):
    """No field at all: unbind, enquire_link, generic_nack and several answers."""


class BindBody(NamedTuple):
    """Source: SMPP 3.4, 4.1."""

    system_id: bytes
    password: bytes
    system_type: bytes
    interface_version: int
    addr_ton: int
    addr_npi: int
    address_range: bytes


class BindRespBody(NamedTuple):
    system_id: bytes


class OutbindBody(NamedTuple):
    system_id: bytes
    password: bytes


class MessageBody(NamedTuple):
    """submit_sm and deliver_sm.  Source: SMPP 3.4, 4.4.1 and 4.6.1."""

    service_type: bytes
    source_addr_ton: int
    source_addr_npi: int
    source_addr: bytes
    dest_addr_ton: int
    dest_addr_npi: int
    destination_addr: bytes
    esm_class: int
    protocol_id: int
    priority_flag: int
    schedule_delivery_time: bytes
    validity_period: bytes
    registered_delivery: int
    replace_if_present_flag: int
    data_coding: int
    sm_default_msg_id: int
    short_message: bytes


class MessageIdBody(NamedTuple):
    message_id: bytes


class DestAddress(NamedTuple):
    """One of many destinations; a distribution list has a name in place of a number."""

    ton: int
    npi: int
    address: bytes
    is_list: bool = False


class SubmitMultiBody(NamedTuple):
    """submit_multi.  Source: SMPP 3.4, 4.5.1."""

    service_type: bytes
    source_addr_ton: int
    source_addr_npi: int
    source_addr: bytes
    dest_address: tuple[DestAddress, ...]
    esm_class: int
    protocol_id: int
    priority_flag: int
    schedule_delivery_time: bytes
    validity_period: bytes
    registered_delivery: int
    replace_if_present_flag: int
    data_coding: int
    sm_default_msg_id: int
    short_message: bytes


class UnsuccessSme(NamedTuple):
    """A destination that was refused.  Source: SMPP 3.4, 4.5.2."""

    ton: int
    npi: int
    address: bytes
    status: int


class SubmitMultiRespBody(NamedTuple):
    message_id: bytes
    unsuccess_sme: tuple[UnsuccessSme, ...]


class DataSmBody(NamedTuple):
    """data_sm.  Source: SMPP 3.4, 4.7.1."""

    service_type: bytes
    source_addr_ton: int
    source_addr_npi: int
    source_addr: bytes
    dest_addr_ton: int
    dest_addr_npi: int
    destination_addr: bytes
    esm_class: int
    registered_delivery: int
    data_coding: int


class QuerySmBody(NamedTuple):
    """Source: SMPP 3.4, 4.8.1."""

    message_id: bytes
    source_addr_ton: int
    source_addr_npi: int
    source_addr: bytes


class QuerySmRespBody(NamedTuple):
    message_id: bytes
    final_date: bytes
    message_state: int
    error_code: int


class CancelSmBody(NamedTuple):
    """Source: SMPP 3.4, 4.9.1."""

    service_type: bytes
    message_id: bytes
    source_addr_ton: int
    source_addr_npi: int
    source_addr: bytes
    dest_addr_ton: int
    dest_addr_npi: int
    destination_addr: bytes


class ReplaceSmBody(NamedTuple):
    """Source: SMPP 3.4, 4.10.1."""

    message_id: bytes
    source_addr_ton: int
    source_addr_npi: int
    source_addr: bytes
    schedule_delivery_time: bytes
    validity_period: bytes
    registered_delivery: int
    sm_default_msg_id: int
    short_message: bytes


class AlertBody(NamedTuple):
    """Source: SMPP 3.4, 4.12.1."""

    source_addr_ton: int
    source_addr_npi: int
    source_addr: bytes
    esme_addr_ton: int
    esme_addr_npi: int
    esme_addr: bytes


PduBody = (
    EmptyBody
    | BindBody
    | BindRespBody
    | OutbindBody
    | MessageBody
    | MessageIdBody
    | SubmitMultiBody
    | SubmitMultiRespBody
    | DataSmBody
    | QuerySmBody
    | QuerySmRespBody
    | CancelSmBody
    | ReplaceSmBody
    | AlertBody
)
