"""Stories of SMPP: octets that a client says and hears, by hand and by struct."""

from contextlib import closing
from typing import Any

from tests.support.emulator import make_emulator, run_control
from tests.support.orders import HANDSETS, NUMBER
from tests.support.smpp import (
    BIND_RECEIVER,
    BIND_TRANSCEIVER,
    BIND_TRANSMITTER,
    CANCEL_SM,
    DATA_SM,
    ENQUIRE_LINK,
    QUERY_SM,
    REPLACE_SM,
    UNBIND,
    USER_MESSAGE_REFERENCE,
    Pdu,
    SmppClient,
    Smsc,
    get_response_id,
    open_smsc,
    pack_bind,
    pack_pdu,
    pack_submit,
    pack_tlv,
)
from tests.support.transcripts import Scribe

QUERIED = b"1\0" + bytes(3)


class Talk:
    """A session whose octets are written down."""

    def __init__(self, scribe: Scribe, caller: SmppClient) -> None:
        self._scribe = scribe
        self.caller = caller

    def ask(self, octets: bytes, answers: int = 1) -> Pdu:
        self._scribe.lines.append(f"> {octets.hex(' ', -4)}")
        self.caller.say(octets)
        return self.hear(answers)

    def hear(self, answers: int = 1) -> Pdu:
        for _ in range(answers):
            heard = self.caller.hear()
            self._scribe.lines.append(
                f"< {heard.command:08x} {heard.status:08x} {heard.sequence} "
                f"{heard.body.hex(' ', -4)}  {_readable(heard.body)}"
            )
        return heard


def _readable(octets: bytes) -> str:
    return "".join(chr(each) if 32 <= each < 127 else "." for each in octets)


def test_session(scribe: Scribe) -> None:
    """Tell a session, and what the journal has of it."""
    api = scribe.api
    with open_smsc(api) as smsc:
        talk = Talk(scribe, smsc.connect())
        talk.ask(pack_bind(version=0x34, system_type="x"))
        talk.ask(pack_pdu(ENQUIRE_LINK, 2))
        for sequence, handset in enumerate((NUMBER, *HANDSETS), start=3):
            talk.ask(pack_submit(sequence, handset, registered=1))
        talk.ask(pack_submit(30, short=b"x" * 200))
        talk.ask(
            pack_submit(31, short="ñandú".encode("utf-16-be"), coding=8, priority=3)
        )
        talk.ask(pack_submit(32, tlvs=pack_tlv(USER_MESSAGE_REFERENCE, b"\0\7")))
        talk.ask(
            pack_submit(33, schedule="000100000000000R", validity="000200000000000R")
        )
        talk.ask(pack_submit(34, "nobody"))
        talk.ask(pack_submit(35, registered=3))
        talk.ask(pack_pdu(QUERY_SM, 40, QUERIED))
        talk.ask(pack_pdu(0x99, 41))
        talk.ask(pack_pdu(DATA_SM, 42, b"\0"))
        run_control(api, "POST", "clock/advance", json={"seconds": 12})
        talk.hear(2)
        talk.ask(pack_pdu(UNBIND, 43))
    for path in (
        "smpp",
        "journal",
        "messages",
        "metrics",
        "deliveries",
        "clock/pending",
    ):
        scribe.ask_control("GET", path)


FIELDS: dict[str, tuple[Any, ...]] = {
    "to": ("", "1", "4498987282", "524498987282", "+524498987282", "14498987282", "x"),
    "source": ("", "74342", "x" * 20, "x" * 21, "TIENDA", "55700557801234567890"),
    "source_ton": (0, 1, 5, 9),
    "to_ton": (0, 2, 5, 9),
    "to_npi": (0, 2, 18, 19),
    "service_type": ("", "CMT", "USSD", "xxxxxx", "xxxxxxx"),
    "esm_class": (*range(0, 64, 4), 1, 2, 3, 0x40, 0x80, 0xC0),
    "protocol_id": (0, 1, 0x40, 0x7F, 0xFF),
    "priority": (0, 1, 2, 3, 4, 255),
    "schedule": (
        "x",
        "000000000001000R",
        "260302170000000+",
        "260302190000032-",
        "260302120000",
    ),
    "validity": ("x", "000000000001000R", "260302170000000+", "990302190000000+", "0"),
    "registered": (*range(8), 8, 12, 16, 32, 64),
    "replace": (0, 1, 2),
    "coding": (*range(16), 0xF0, 0xF1, 0xFF),
    "default_id": (0, 1, 255),
    "length": (0, 3, 5, 254, 255),
    "short": (
        b"",
        b"\x1b\x65",
        b"\xff",
        b"hola ",
        "ñ".encode(),
        b"x" * 160,
        b"x" * 161,
        b"x" * 254,
    ),
    "tlvs": (
        *(
            pack_tlv(tag, value)
            for tag in (0x204, 0x20C, 0x20E, 0x20F, 0x424, 0x5)
            for value in (b"", b"\0", b"\0\1", b"abc")
        ),
        pack_tlv(0x424, b"x") * 2,
        b"\0",
        b"\x02\x04\0\xff",
        pack_tlv(0x1400, b"own"),
    ),
}


def test_fields(scribe: Scribe) -> None:
    """Every field of a message with what it may be and what it may not."""
    for name, values in FIELDS.items():
        scribe.begin_part(name)
        for value in values:
            with closing(make_emulator()) as api, open_smsc(api) as smsc:
                caller = smsc.bind()
                caller.say(pack_submit(2, **{name: value}))
                heard = caller.hear()
                row = run_control(api, "GET", "journal?last=1")["exchanges"][0]
                campaigns = [*api.world.campaigns.values()]
                text = campaigns[-1].render_text(0) if campaigns else ""
                said = f"{row['why']!r} {row['notes']} {text!r:.60}"
                scribe.lines.append(f"{value!r:.60} {heard.status:#x} {said}")


def test_receipts(scribe: Scribe) -> None:
    """Have the receipt of each handset in each form that there is."""
    for form in (
        {},
        {"ids": "hex", "dates": "seconds", "text": "Text"},
        {"ids": "padded", "text": "none", "tlvs": "without"},
        {"tlvs": "only"},
    ):
        scribe.begin_part(str(form))
        binds = [{"system_id": "demo", "password": "demo", "receipts": form}]
        with closing(make_emulator(binds=binds)) as api, open_smsc(api) as smsc:
            talk = Talk(scribe, smsc.bind())
            own = pack_tlv(USER_MESSAGE_REFERENCE, b"\0\7")
            for sequence, handset in enumerate((NUMBER, *HANDSETS), start=2):
                talk.ask(
                    pack_submit(
                        sequence,
                        handset,
                        "ñandú €".encode("latin-1", "replace"),
                        registered=1,
                        tlvs=own,
                    )
                )
            talk.ask(
                pack_submit(20, HANDSETS[3], registered=1, validity="000000000100000R")
            )
            talk.ask(pack_submit(21, HANDSETS[1], registered=2))
            talk.ask(pack_submit(22, NUMBER, registered=2))
            run_control(api, "POST", "clock/advance", json={"seconds": 12})
            _acknowledged(talk, smsc)
            run_control(api, "POST", "clock/advance", json={"seconds": 4_000})
            _acknowledged(talk, smsc)
            run_control(api, "POST", "clock/advance", json={"seconds": 90_000})
            _acknowledged(talk, smsc)


def _acknowledged(talk: Talk, smsc: Smsc) -> None:
    """Acknowledge whatever receipts come, as long as some are on their way."""
    talk.caller.turn()
    for _ in range(40):
        if not smsc.api.world.outbox.unacknowledged:
            return
        heard = talk.hear()
        talk.caller.say(pack_pdu(get_response_id(heard.command), heard.sequence, b"\0"))
        talk.caller.turn()


def test_states(scribe: Scribe) -> None:
    """Messages in each state, queried, replaced and cancelled, at several instants."""
    for seconds in (0, 5, 12, 4_000):
        scribe.begin_part(f"{seconds} seconds later")
        with closing(make_emulator()) as api, open_smsc(api) as smsc:
            talk = Talk(scribe, smsc.bind())
            numbers = (NUMBER, *HANDSETS[1:4])
            made = [
                talk.caller.submit(each, number)
                for each, number in enumerate(numbers, start=2)
            ]
            made.append(talk.caller.submit(20, schedule="000001000000000R"))
            made.append(
                talk.caller.submit(21, HANDSETS[3], validity="000000000100000R")
            )
            run_control(api, "POST", "clock/advance", json={"seconds": seconds})
            for message in (*made, 7):
                number = b"%d\0" % message
                source = bytes(2) + b"74342\0"
                talk.ask(pack_pdu(QUERY_SM, 30, number + bytes(3)))
                talk.ask(pack_pdu(QUERY_SM, 31, number + source))
                replaced = number + source + bytes(2) + b"\0\0\x04otro"
                talk.ask(pack_pdu(REPLACE_SM, 32, replaced))
                cancelled = b"\0" + number + source + bytes(3)
                talk.ask(pack_pdu(CANCEL_SM, 33, cancelled))
                talk.ask(pack_pdu(QUERY_SM, 34, number + bytes(3)))
    scribe.begin_part("what each kind of bind may ask for")
    for kind in (
        BIND_RECEIVER,
        BIND_TRANSMITTER,
        BIND_TRANSCEIVER,
        None,
    ):
        with closing(make_emulator()) as api, open_smsc(api) as smsc:
            for command in (
                *range(1, 0x0C),
                0x15,
                0x21,
                0x102,
                0x103,
                0x80000000,
                0x80000005,
                0x85,
            ):
                talk = Talk(scribe, smsc.connect())
                if kind is not None:
                    talk.caller.bind(command=kind)
                scribe.lines.append(f"bound by {kind}: {command:#x}")
                talk.caller.say(pack_pdu(command, 2), pack_pdu(ENQUIRE_LINK, 3))
                talk.caller.turn()
                talk.caller.writer.write_eof()
                rest = talk.caller.rest()
                scribe.lines.append(f"< {rest.hex(' ', -4)}")
            exchanges = run_control(api, "GET", "journal")["exchanges"]
            scribe.lines += [
                f"{each['operation']} {each['status']} {each['why']} {each['notes']}"
                for each in exchanges
            ]
