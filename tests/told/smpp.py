"""Stories of SMPP: octets that a client says and hears, by hand and by struct."""

from contextlib import closing
from typing import Any

from tests.campaigns import NUMBER
from tests.emulated import emulated
from tests.smpp import packed
from tests.smpp.dialled import Caller, Phone, listening
from tests.smpp.packed import Packet
from tests.steering import steered
from tests.told.campaigns import HANDSETS
from tests.told.scribe import Scribe

QUERIED = b"1\0" + bytes(3)


class Talk:
    """A session whose octets are written down."""

    def __init__(self, scribe: Scribe, caller: Caller) -> None:
        self._scribe = scribe
        self.caller = caller

    def ask(self, octets: bytes, answers: int = 1) -> Packet:
        self._scribe.lines.append(f"> {octets.hex(' ', -4)}")
        self.caller.say(octets)
        return self.hear(answers)

    def hear(self, answers: int = 1) -> Packet:
        for _ in range(answers):
            heard = self.caller.hear()
            self._scribe.lines.append(
                f"< {heard.command:08x} {heard.status:08x} {heard.sequence} "
                f"{heard.body.hex(' ', -4)}  {_readable(heard.body)}"
            )
        return heard


def _readable(octets: bytes) -> str:
    return "".join(chr(each) if 32 <= each < 127 else "." for each in octets)


def session(scribe: Scribe) -> None:
    """Tell a session, and what the journal has of it."""
    api = scribe.api
    with listening(api) as phone:
        talk = Talk(scribe, phone.call())
        talk.ask(packed.bind(version=0x34, system_type="x"))
        talk.ask(packed.packet(packed.ENQUIRE_LINK, 2))
        for sequence, handset in enumerate((NUMBER, *HANDSETS), start=3):
            talk.ask(packed.submit(sequence, handset, registered=1))
        talk.ask(packed.submit(30, short=b"x" * 200))
        talk.ask(
            packed.submit(31, short="ñandú".encode("utf-16-be"), coding=8, priority=3)
        )
        talk.ask(
            packed.submit(32, tlvs=packed.tlv(packed.USER_MESSAGE_REFERENCE, b"\0\7"))
        )
        talk.ask(
            packed.submit(33, schedule="000100000000000R", validity="000200000000000R")
        )
        talk.ask(packed.submit(34, "nobody"))
        talk.ask(packed.submit(35, registered=3))
        talk.ask(packed.packet(packed.QUERY_SM, 40, QUERIED))
        talk.ask(packed.packet(0x99, 41))
        talk.ask(packed.packet(packed.DATA_SM, 42, b"\0"))
        steered(api, "POST", "clock/advance", json={"seconds": 12})
        talk.hear(2)
        talk.ask(packed.packet(packed.UNBIND, 43))
    for path in (
        "smpp",
        "journal",
        "messages",
        "metrics",
        "deliveries",
        "clock/pending",
    ):
        scribe.control("GET", path)


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
            packed.tlv(tag, value)
            for tag in (0x204, 0x20C, 0x20E, 0x20F, 0x424, 0x5)
            for value in (b"", b"\0", b"\0\1", b"abc")
        ),
        packed.tlv(0x424, b"x") * 2,
        b"\0",
        b"\x02\x04\0\xff",
        packed.tlv(0x1400, b"own"),
    ),
}


def fields(scribe: Scribe) -> None:
    """Every field of a message with what it may be and what it may not."""
    for name, values in FIELDS.items():
        scribe.title(name)
        for value in values:
            with closing(emulated()) as api, listening(api) as phone:
                caller = phone.bound()
                caller.say(packed.submit(2, **{name: value}))
                heard = caller.hear()
                row = steered(api, "GET", "journal?last=1")["exchanges"][0]
                campaigns = [*api.world.campaigns.values()]
                text = campaigns[-1].render_text(0) if campaigns else ""
                said = f"{row['why']!r} {row['notes']} {text!r:.60}"
                scribe.lines.append(f"{value!r:.60} {heard.status:#x} {said}")


def receipts(scribe: Scribe) -> None:
    """Have the receipt of each handset in each form that there is."""
    for form in (
        {},
        {"ids": "hex", "dates": "seconds", "text": "Text"},
        {"ids": "padded", "text": "none", "tlvs": "without"},
        {"tlvs": "only"},
    ):
        scribe.title(str(form))
        binds = [{"system_id": "demo", "password": "demo", "receipts": form}]
        with closing(emulated(binds=binds)) as api, listening(api) as phone:
            talk = Talk(scribe, phone.bound())
            own = packed.tlv(packed.USER_MESSAGE_REFERENCE, b"\0\7")
            for sequence, handset in enumerate((NUMBER, *HANDSETS), start=2):
                talk.ask(
                    packed.submit(
                        sequence,
                        handset,
                        "ñandú €".encode("latin-1", "replace"),
                        registered=1,
                        tlvs=own,
                    )
                )
            talk.ask(
                packed.submit(
                    20, HANDSETS[3], registered=1, validity="000000000100000R"
                )
            )
            talk.ask(packed.submit(21, HANDSETS[1], registered=2))
            talk.ask(packed.submit(22, NUMBER, registered=2))
            steered(api, "POST", "clock/advance", json={"seconds": 12})
            _acknowledged(talk, phone)
            steered(api, "POST", "clock/advance", json={"seconds": 4_000})
            _acknowledged(talk, phone)
            steered(api, "POST", "clock/advance", json={"seconds": 90_000})
            _acknowledged(talk, phone)


def _acknowledged(talk: Talk, phone: Phone) -> None:
    """Acknowledge whatever receipts come, as long as some are on their way."""
    talk.caller.turn()
    for _ in range(40):
        if not phone.api.world.outbox.unacknowledged:
            return
        heard = talk.hear()
        talk.caller.say(
            packed.packet(packed.resp(heard.command), heard.sequence, b"\0")
        )
        talk.caller.turn()


def states(scribe: Scribe) -> None:
    """Messages in each state, queried, replaced and cancelled, at several instants."""
    for seconds in (0, 5, 12, 4_000):
        scribe.title(f"{seconds} seconds later")
        with closing(emulated()) as api, listening(api) as phone:
            talk = Talk(scribe, phone.bound())
            numbers = (NUMBER, *HANDSETS[1:4])
            made = [
                talk.caller.submit(each, number)
                for each, number in enumerate(numbers, start=2)
            ]
            made.append(talk.caller.submit(20, schedule="000001000000000R"))
            made.append(
                talk.caller.submit(21, HANDSETS[3], validity="000000000100000R")
            )
            steered(api, "POST", "clock/advance", json={"seconds": seconds})
            for message in (*made, 7):
                number = b"%d\0" % message
                source = bytes(2) + b"74342\0"
                talk.ask(packed.packet(packed.QUERY_SM, 30, number + bytes(3)))
                talk.ask(packed.packet(packed.QUERY_SM, 31, number + source))
                replaced = number + source + bytes(2) + b"\0\0\x04otro"
                talk.ask(packed.packet(packed.REPLACE_SM, 32, replaced))
                cancelled = b"\0" + number + source + bytes(3)
                talk.ask(packed.packet(packed.CANCEL_SM, 33, cancelled))
                talk.ask(packed.packet(packed.QUERY_SM, 34, number + bytes(3)))
    scribe.title("what each kind of bind may ask for")
    for kind in (
        packed.BIND_RECEIVER,
        packed.BIND_TRANSMITTER,
        packed.BIND_TRANSCEIVER,
        None,
    ):
        with closing(emulated()) as api, listening(api) as phone:
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
                talk = Talk(scribe, phone.call())
                if kind is not None:
                    talk.caller.bind(command=kind)
                scribe.lines.append(f"bound by {kind}: {command:#x}")
                talk.caller.say(
                    packed.packet(command, 2), packed.packet(packed.ENQUIRE_LINK, 3)
                )
                talk.caller.turn()
                talk.caller.writer.write_eof()
                rest = talk.caller.rest()
                scribe.lines.append(f"< {rest.hex(' ', -4)}")
            exchanges = steered(api, "GET", "journal")["exchanges"]
            scribe.lines += [
                f"{each['operation']} {each['status']} {each['why']} {each['notes']}"
                for each in exchanges
            ]
