"""One account behind two doors: its state, its money, what is seen of it; TLS."""

import json
import ssl
from pathlib import Path
from socket import create_server
from typing import Any

import pytest
import trustme

from emulator.client import Emulator
from tests.support.emulator import Api
from tests.support.processes import (
    DEADLINE,
    read_complaint,
    run_command,
    serve_emulator,
)
from tests.support.smpp import (
    BIND_RECEIVER,
    DELIVER_SM,
    ENQUIRE_LINK,
    OUTBIND,
    UNBIND,
    MakeSmsc,
    SmppSocket,
    Smsc,
    get_response_id,
    pack_bind,
    pack_pdu,
    pack_submit,
)

SMS = "/api/v3/campaign"
ORDER = {"text": "por http", "recipients": [{"cellphone": "5512345678"}], "route": 87}


def journal(api: Api, **query: Any) -> list[dict[str, Any]]:
    asked = "&".join(f"{name}={each}" for name, each in query.items())
    found: list[dict[str, Any]] = api.get(f"/_emulator/journal?{asked}").body[
        "exchanges"
    ]
    return found


@pytest.mark.behaviour(43)
@pytest.mark.manual("SMP-03")
def test_both_doors_lead_to_one_account(smsc: Smsc) -> None:
    caller, api = smsc.bind(), smsc.api
    before = api.balance()

    message = caller.submit(2, short=b"por smpp")
    placed = api.post(SMS, json=ORDER).body

    assert before - api.balance() == 2
    assert placed["balance"] == api.balance()
    listed = api.get("/_emulator/messages").body["messages"]
    assert [each["text"] for each in listed] == ["por smpp", "por http"]
    assert [each["id"] for each in listed] == [message, message + 1]


def test_a_rejected_url_is_rejected_by_both(make_smsc: MakeSmsc) -> None:
    smsc = make_smsc(assumptions={"url_whitelist": "reject"})
    caller = smsc.bind()

    answer = caller.ask(pack_submit(2, short=b"ve a https://x.example.org"))

    assert answer.status == 0x45
    assert smsc.api.world.campaigns == {}


@pytest.mark.behaviour(43)
@pytest.mark.parametrize("leave", ["hang_up", "reset"])
def test_a_message_is_charged_once_whatever_becomes_of_the_line(
    smsc: Smsc, leave: str
) -> None:
    api = smsc.api
    before = api.balance()

    for _ in range(5):
        caller = smsc.bind()
        caller.say(*(pack_submit(each) for each in range(2, 150)))
        caller.turn()
        getattr(caller, leave)()
    smsc.wait_for_farewells()

    placed = len(api.world.campaigns)
    assert before - api.balance() == placed > 0
    movements = api.get("/_emulator/movements").body
    total = sum(each["amount"] for each in movements["movements"])
    assert movements["balance"] == pytest.approx(movements["opening"] + total)
    references = [each["reference"] for each in movements["movements"]]
    assert references == list(api.world.campaigns)


@pytest.mark.behaviour(44)
def test_every_pdu_is_kept_with_its_octets_and_fields(smsc: Smsc) -> None:
    caller = smsc.bind()
    asked = pack_submit(2, short="mañana".encode("utf-16-be"), coding=8)
    caller.ask(asked)

    bind, submitted = journal(smsc.api)

    assert (bind["operation"], bind["path"]) == ("bind_transceiver", "/demo/1")
    assert submitted["operation"] == "submit_sm"
    assert submitted["method"] == "ESME"
    assert submitted["at"] == "2026-03-02T18:00:00.000000Z"
    assert submitted["request"]["hex"] == asked.hex()
    assert submitted["request"]["body"] == "mañana"
    fields = submitted["request"]["pdu"]
    assert fields["command"] == "submit_sm"
    assert fields["destination_addr"] == "4498987282"
    assert fields["data_coding"] == 8
    answered = submitted["response"]["pdu"]
    assert answered["command_status"] == "ESME_ROK"
    assert answered["message_id"] == "46608336"


@pytest.mark.behaviour(44)
def test_what_the_centre_asks_is_kept_as_its_own(make_smsc: MakeSmsc) -> None:
    smsc = make_smsc(smpp={"enquire_link_timer": 0.05})
    caller = smsc.bind()
    asked = caller.hear()
    caller.say(pack_pdu(get_response_id(ENQUIRE_LINK), asked.sequence))
    caller.turn()

    _, enquired = journal(smsc.api)

    assert (enquired["method"], enquired["operation"]) == ("SMSC", "enquire_link")
    assert enquired["response"]["pdu"]["command"] == "enquire_link_resp"


@pytest.mark.behaviour(44)
def test_messages_of_both_doors_are_verified_in_one_way(smsc: Smsc) -> None:
    caller = smsc.bind()
    caller.submit(2, short=b"su folio es 7")
    caller.ask(pack_submit(3, "123"))

    found = journal(smsc.api, operation="submit_sm", number="7282", text="folio")
    refused = journal(smsc.api, operation="submit_sm", status=0x0B)
    verdict = smsc.api.post(
        "/_emulator/journal/verify", json={"operation": "submit_sm", "exactly": 3}
    ).body

    assert len(found) == len(refused) == 1
    assert "is not ten digits" in refused[0]["why"]
    assert not verdict["verified"]
    assert "submit_sm ESME_ROK to 4498987282: su folio es 7" in verdict["explanation"]
    assert "submit_sm ESME_RINVDSTADR" in verdict["explanation"]


def test_numbers_are_masked_in_pdus_too(smsc: Smsc) -> None:
    smsc.bind().submit(2, short=b"llama al 4498987282")

    (kept,) = journal(smsc.api, operation="submit_sm", mask="numbers")

    assert "4498987282" not in json.dumps(kept)
    assert kept["request"]["body"] == "llama al ******7282"


def test_sessions_are_listed_and_cut(smsc: Smsc) -> None:
    one = smsc.bind(command=BIND_RECEIVER)
    other = smsc.bind()
    other.submit()
    api = smsc.api

    listed = api.get("/_emulator/smpp/sessions").body
    cut = api.send("DELETE", f"/_emulator/smpp/sessions/{listed[0]['session']}")

    assert [each["kind"] for each in listed] == ["receiver", "transceiver"]
    assert [each["submitted"] for each in listed] == [0, 1]
    assert cut.body == listed[0]
    assert one.is_cut()
    assert [each["kind"] for each in api.get("/_emulator/smpp/sessions").body] == [
        "transceiver"
    ]
    assert api.send("DELETE", "/_emulator/smpp/sessions/99").status == 404
    assert journal(api)[-1]["operation"] == "closed"


def test_who_is_bound_to_a_world_that_is_deleted_is_cut(smsc: Smsc) -> None:
    caller = smsc.bind(system_id="world-acme")

    smsc.api.send("DELETE", "/_emulator/world?world=acme")

    assert caller.is_cut()


def test_the_client_says_where_smpp_is() -> None:
    with Emulator.in_process() as emulator, emulator.create("acme") as acme:
        bare, minted = emulator.smpp, acme.smpp
        with SmppSocket(bare.host, bare.port) as caller:
            caller.bind(bare.system_id, bare.password)
            assert [each.system_id for each in emulator.sessions] == ["demo"]
            assert emulator.find_requests("bind_transceiver")

    assert (bare.system_id, bare.password) == ("demo", "demo")
    assert (minted.system_id, minted.password) == ("world-acme", "any")


def test_what_listens_everywhere_is_where_the_client_found_it() -> None:
    with (
        serve_emulator("--host", "0.0.0.0") as served,  # noqa: S104
        Emulator(served.url) as emulator,
    ):
        where = emulator.smpp
        with SmppSocket(where.host, where.port) as caller:
            caller.bind(where.system_id, where.password)

    assert where.host == "127.0.0.1"


def test_the_client_cuts_calls_joins_and_spoils() -> None:
    parts = [b"\5\0\3\7\2\1Su folio ", b"\5\0\3\7\2\2es 123456"]
    with (
        Emulator.in_process() as emulator,
        create_server(("127.0.0.1", 0)) as listener,
        SmppSocket(emulator.smpp.host, emulator.smpp.port) as caller,
    ):
        caller.bind("demo", "demo")
        for each in parts:
            caller.submit("4498987282", each, esm_class=0x40)
        emulator.fail_next("submit_sm", command_status="ESME_RTHROTTLED")
        caller.say(pack_submit(9))
        throttled = caller.hear()
        (whole,) = emulator.long_messages
        (session,) = emulator.sessions
        cut = emulator.disconnect(session.session)
        emulator.outbind("127.0.0.1", listener.getsockname()[1])
        line, _ = listener.accept()
        with line:
            called = line.recv(1_024)

        assert (whole.text, whole.complete) == ("Su folio es 123456", True)
        assert throttled.status == 0x58
        assert (cut.submitted, caller.rest(), emulator.sessions) == (2, b"", [])
        assert called[4:8] == OUTBIND.to_bytes(4, "big")


# --- As a process --------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    authority = trustme.CA()
    chain = tmp_path / "own.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(
        chain
    )
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context, chain


def test_it_serves_smpp_and_says_where() -> None:
    with serve_emulator() as served:
        host, _, port = served.ready["smpp"].rpartition(":")
        with SmppSocket(host, int(port)) as caller:
            caller.bind("demo", "demo")
            message = caller.submit("4498987282", b"hola")

        listed = served.ask("GET", "/_emulator/messages").body["messages"]
        assert [each["id"] for each in listed] == [message]
        assert served.process.stdout is not None
        said = [served.process.stdout.readline() for _ in range(2)]
        assert said[1] == f"smpp: {host}:{port}, system_id demo\n"


@pytest.mark.behaviour(42)
def test_it_serves_smpp_over_tls(certificate: tuple[ssl.SSLContext, Path]) -> None:
    context, chain = certificate
    with serve_emulator("--smpp-tls-port", "0", "--tls-cert", str(chain)) as served:
        host, _, port = served.ready["smpps"].rpartition(":")
        with SmppSocket(host, int(port), context) as caller:
            caller.bind("demo", "demo")
            caller.submit("4498987282", b"hola")

            (session,) = served.ask("GET", "/_emulator/smpp/sessions").body
            assert session["tls"]


@pytest.mark.behaviour(42)
def test_a_certificate_is_made_on_the_spot(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    flags = ("--smpp-tls-port", "0", "--tls-ca-file", str(authority))
    with serve_emulator(*flags) as served:
        context = ssl.create_default_context(cafile=authority)
        host, _, port = served.ready["smpps"].rpartition(":")
        with SmppSocket(host, int(port), context) as caller:
            caller.bind("demo", "demo")


def test_whoever_speaks_no_tls_there_disturbs_nobody(
    certificate: tuple[ssl.SSLContext, Path],
) -> None:
    _, chain = certificate
    with serve_emulator("--smpp-tls-port", "0", "--tls-cert", str(chain)) as served:
        host, _, port = served.ready["smpps"].rpartition(":")
        with SmppSocket(host, int(port)) as caller:
            caller.say(pack_bind())
            caller.rest()

        assert served.ask("GET", "/api/v1/user").status == 200


def test_smpp_can_be_left_out() -> None:
    with serve_emulator("--smpp-port", "none") as served:
        assert "smpp" not in served.ready
        assert served.ask("GET", "/_emulator/smpp").body["port"] is None


def test_a_taken_port_is_one_sentence() -> None:
    with create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        said = read_complaint("serve", "--port", "0", "--smpp-port", str(port))

    assert said.startswith(f"cannot listen on 127.0.0.1:{port} (")
    assert "--smpp-port" in said


@pytest.mark.parametrize("port", ["65536", "-1", "x", ""])
def test_what_is_no_port_is_said_to_be_none(port: str) -> None:
    done = run_command("serve", "--smpp-port", port)

    assert done.returncode == 2
    assert "is no port" in done.stderr


def test_a_client_that_never_reads_costs_bounded_memory() -> None:
    with serve_emulator() as served:
        host, _, port = served.ready["smpp"].rpartition(":")
        with SmppSocket(host, int(port)) as greedy:
            greedy.bind("world-greedy", "x")
            greedy.stuff(pack_pdu(ENQUIRE_LINK, 7))

            with SmppSocket(host, int(port)) as other:
                other.bind("demo", "demo")
                assert other.submit("4498987282", b"hola")
            assert served.ask("GET", "/api/v1/user").status == 200


@pytest.mark.behaviour(44)
def test_sessions_and_pdus_are_read_off_the_event_stream() -> None:
    with (
        serve_emulator("--pace", "instant") as served,
        Emulator(served.url) as emulator,
    ):
        host, _, port = served.ready["smpp"].rpartition(":")
        events = emulator.events(timeout=DEADLINE)
        asked = pack_submit(2, registered=1)
        with SmppSocket(host, int(port)) as caller:
            caller.bind("demo", "demo")
            caller.say(asked)
            answer, receipt = caller.hear(), caller.hear()
            caller.say(pack_pdu(get_response_id(DELIVER_SM), receipt.sequence, b"\0"))
            told = [next(events).data for _ in range(6)]
        told.append(next(events).data)

    said = {each.operation: each for each in told if "operation" in each}
    bind, submitted, delivered, closed = said.values()
    assert [*said] == ["bind_transceiver", "submit_sm", "deliver_sm", "closed"]
    assert {each.path for each in said.values()} == {bind.path} == {closed.path}
    assert submitted.request.hex == asked.hex()
    assert submitted.request.pdu.destination_addr == "4498987282"
    assert submitted.response.pdu.message_id.encode() == answer.body[:-1]
    assert submitted.at.endswith("Z")
    assert (delivered.method, delivered.response.pdu.command_status) == (
        *("SMSC", "ESME_ROK"),
    )
    assert bytes.fromhex(delivered.request.hex)[16:] == receipt.body
    happened = [each.event for each in told if "event" in each]
    assert happened == ["inserted", "completed", "pushed"]


def test_a_process_that_ends_asks_its_clients_to_go() -> None:
    with serve_emulator() as served:
        host, _, port = served.ready["smpp"].rpartition(":")
        with SmppSocket(host, int(port)) as caller:
            caller.bind("demo", "demo")
            served.process.terminate()

            asked = caller.hear()
            caller.say(pack_pdu(get_response_id(UNBIND), asked.sequence))

            assert asked.command == UNBIND
            assert caller.rest() == b""
        assert served.process.wait() == 0
