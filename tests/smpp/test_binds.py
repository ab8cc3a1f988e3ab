"""Binding and unbinding, octet by octet."""

import asyncio
import struct
from contextlib import closing
from typing import Any

import pytest

from emulator.domain.command_status import CommandStatus
from tests.support.emulator import make_limited_emulator
from tests.support.smpp import (
    BIND_RECEIVER,
    BIND_TRANSCEIVER,
    BIND_TRANSMITTER,
    CANCEL_SM,
    DATA_SM,
    OUTBIND,
    QUERY_SM,
    REPLACE_SM,
    SUBMIT_MULTI,
    SUBMIT_SM,
    UNBIND,
    MakeSmsc,
    Pdu,
    SmppClient,
    Smsc,
    get_response_id,
    open_smsc,
    pack_bind,
    pack_message,
    pack_pdu,
    pack_submit,
)

KINDS = (BIND_RECEIVER, BIND_TRANSMITTER, BIND_TRANSCEIVER)
SENDING = {
    SUBMIT_SM: pack_message("4498987282", b"hola"),
    SUBMIT_MULTI: b"\0\0\0" + b"\0\1" + b"\1\1\1" + b"4498987282\0" + bytes(11),
    DATA_SM: b"\0\0\0\0\1\1" + b"4498987282\0" + bytes(3),
    QUERY_SM: b"1\0\0\0\0",
    CANCEL_SM: b"\0" + b"1\0" + bytes(6),
    REPLACE_SM: b"1\0" + bytes(3) + bytes(5),
}


def declined(command: int, sequence: int, status: CommandStatus) -> Pdu:
    return Pdu(get_response_id(command), status, sequence, b"")


@pytest.mark.behaviour(2)
@pytest.mark.manual("SMP-01")
@pytest.mark.parametrize("kind", KINDS)
def test_a_bind_is_answered_with_our_name_and_version(smsc: Smsc, kind: int) -> None:
    answer = smsc.connect().ask(pack_bind(kind, sequence=7))

    version = struct.pack(">HHB", 0x0210, 1, 0x34)
    assert answer == Pdu(get_response_id(kind), 0, 7, b"Smsclouds\0" + version)


@pytest.mark.behaviour(1)
def test_a_session_is_open_bound_unbound_and_closed(smsc: Smsc) -> None:
    caller = smsc.connect()

    opened = caller.ask(pack_submit(1))
    bound = [caller.ask(pack_bind(sequence=2)), caller.ask(pack_submit(3))]
    unbound = caller.ask(pack_pdu(UNBIND, 4))
    late = caller.ask(pack_submit(5))

    assert opened == declined(SUBMIT_SM, 1, CommandStatus.ESME_RINVBNDSTS)
    assert [each.status for each in (*bound, unbound)] == [0, 0, 0]
    assert late == declined(SUBMIT_SM, 5, CommandStatus.ESME_RINVBNDSTS)
    assert caller.is_cut()


@pytest.mark.behaviour(3, 4)
@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"system_id": "nobody"}, CommandStatus.ESME_RINVSYSID),
        ({"system_id": "world-"}, CommandStatus.ESME_RINVSYSID),
        ({"password": "wrong"}, CommandStatus.ESME_RINVPASWD),
        ({"password": ""}, CommandStatus.ESME_RINVPASWD),
    ],
)
def test_a_stranger_is_not_bound_and_may_try_again(
    smsc: Smsc, fields: dict[str, Any], status: CommandStatus
) -> None:
    caller = smsc.connect()

    refused = caller.ask(pack_bind(**fields))
    still = caller.ask(pack_submit(2))
    again = caller.ask(pack_bind(sequence=3))

    assert refused == declined(BIND_TRANSCEIVER, 1, status)
    assert still.status == CommandStatus.ESME_RINVBNDSTS
    assert again.status == 0


@pytest.mark.behaviour(4)
def test_an_account_may_have_no_smpp(make_smsc: MakeSmsc) -> None:
    smsc = make_smsc(services={"smpp": False})

    answer = smsc.connect().ask(pack_bind())

    assert answer == declined(BIND_TRANSCEIVER, 1, CommandStatus.ESME_RBINDFAIL)


@pytest.mark.behaviour(5)
def test_who_is_bound_is_not_bound_again_and_stays(smsc: Smsc) -> None:
    caller = smsc.bind()

    answer = caller.ask(pack_bind(BIND_RECEIVER, sequence=2))

    assert answer == declined(BIND_RECEIVER, 2, CommandStatus.ESME_RALYBND)
    assert caller.submit(3)


@pytest.mark.behaviour(6)
@pytest.mark.parametrize("command", SENDING)
def test_only_a_transmitter_may_send(smsc: Smsc, command: int) -> None:
    octets = pack_pdu(command, 2, SENDING[command])
    opened, receiver = smsc.connect(), smsc.bind(command=BIND_RECEIVER)
    sender = smsc.bind(command=BIND_TRANSMITTER)

    answers = [each.ask(octets) for each in (opened, receiver)]

    assert answers == [declined(command, 2, CommandStatus.ESME_RINVBNDSTS)] * 2
    assert sender.ask(octets).status != CommandStatus.ESME_RINVBNDSTS


@pytest.mark.behaviour(7)
def test_an_old_client_is_told_no_parameters(smsc: Smsc) -> None:
    caller = smsc.connect()

    answer = caller.ask(pack_bind(version=0x33))
    message = caller.ask(pack_submit(2))

    assert answer.body == b"Smsclouds\0"
    assert len(message.body) <= 9


@pytest.mark.behaviour(7)
@pytest.mark.parametrize("version", [0x35, 0x50])
def test_a_later_version_is_spoken_to_as_ours(smsc: Smsc, version: int) -> None:
    answer = smsc.connect().ask(pack_bind(version=version))

    assert answer.status == 0
    assert answer.body.endswith(b"\x02\x10\x00\x01\x34")


@pytest.mark.behaviour(4, 8)
def test_one_system_id_is_bound_as_often_as_it_may(make_smsc: MakeSmsc) -> None:
    smsc = make_smsc(binds=[{"system_id": "demo", "password": "demo", "max_binds": 2}])
    first = smsc.bind(command=BIND_RECEIVER)
    smsc.bind(command=BIND_TRANSCEIVER)

    refused = smsc.connect().ask(pack_bind(BIND_TRANSMITTER))
    first.ask(pack_pdu(UNBIND, 9))
    again = smsc.connect().ask(pack_bind(BIND_TRANSMITTER))

    assert refused.status == CommandStatus.ESME_RBINDFAIL
    assert again.status == 0


@pytest.mark.behaviour(9)
def test_longer_fields_than_the_specification_has_are_taken(smsc: Smsc) -> None:
    caller = smsc.connect()

    strange = caller.ask(pack_bind(system_id="x" * 40))
    wrong = caller.ask(pack_bind(password="x" * 40))
    taken = caller.ask(
        pack_bind(
            system_id="world-acme",
            password="x" * 40,
            system_type="x" * 40,
            address_range="^[0-9]+$" * 20,
        )
    )

    assert [each.status for each in (strange, wrong, taken)] == [
        *(
            CommandStatus.ESME_RINVSYSID,
            CommandStatus.ESME_RINVPASWD,
            CommandStatus.ESME_ROK,
        )
    ]


@pytest.mark.behaviour(9)
def test_a_configured_name_or_password_that_clients_cut_is_refused(
    smsc: Smsc,
) -> None:
    for bind in ({"password": "123456789"}, {"system_id": "sixteen-octets.."}):
        answer = smsc.api.send(
            "POST",
            "/_emulator/account/binds",
            json={"system_id": "acme", **bind},
        )

        assert answer.status == 422, answer.body


@pytest.mark.manual("SMP-01")
def test_a_world_is_minted_by_its_name_whatever_the_password(smsc: Smsc) -> None:
    caller = smsc.bind(system_id="world-acme", password="anything")

    caller.submit()

    acme = smsc.api.worlds.find_by_name("acme")
    assert acme is not None
    assert len(acme.campaigns) == 1
    assert not smsc.api.world.campaigns
    assert smsc.api.get("/api/v1/user", token="world-acme").status == 200


@pytest.mark.behaviour(9)
def test_a_name_that_clients_cut_leads_to_the_world_that_is_meant(
    smsc: Smsc,
) -> None:
    long, cut = "a-world-with-a-long-name", "world-a-world-with-a-long-name"[:15]
    minted = smsc.bind(system_id=cut, password="x")
    smsc.api.send("DELETE", f"/_emulator/world?world={cut[6:]}")
    assert minted.is_cut()
    smsc.api.post("/_emulator/worlds", json={"name": long})

    smsc.bind(system_id=cut, password="x").submit()
    smsc.api.post("/_emulator/worlds", json={"name": "a-world-wide"})
    several = smsc.connect().ask(pack_bind(system_id=cut, password="x"))

    meant = smsc.api.worlds.find_by_name(long)
    assert meant is not None
    assert len(meant.campaigns) == 1
    assert smsc.api.worlds.find_by_name(cut[6:]) is None
    assert several.status == CommandStatus.ESME_RINVSYSID


def test_a_bind_is_added_by_the_control_api(smsc: Smsc) -> None:
    caller = smsc.connect()
    before = caller.ask(pack_bind(system_id="acme", password="secret"))
    smsc.api.send(
        "POST",
        "/_emulator/account/binds",
        json={"system_id": "acme", "password": "secret"},
    )

    after = caller.ask(pack_bind(system_id="acme", password="secret", sequence=2))

    assert before.status == CommandStatus.ESME_RINVSYSID
    assert after.status == 0


@pytest.mark.behaviour(10)
def test_unbind_is_answered_and_the_client_may_close(smsc: Smsc) -> None:
    caller = smsc.bind()

    answer = caller.ask(pack_pdu(UNBIND, 2))

    assert answer == Pdu(get_response_id(UNBIND), 0, 2, b"")
    caller.hang_up()
    caller.turn()
    assert smsc.api.world.sessions == {}


@pytest.mark.behaviour(10)
def test_who_does_not_close_after_an_unbind_is_let_go(smsc: Smsc) -> None:
    caller = smsc.bind()
    caller.ask(pack_pdu(UNBIND, 2))

    assert caller.is_cut()


@pytest.mark.behaviour(10)
def test_a_server_that_stops_asks_everybody_to_go(smsc: Smsc) -> None:
    bound, opened = smsc.bind(), smsc.connect()
    opened.turn()

    closing = bound.loop.create_task(smsc.api.app.state.smpp.close())
    asked = bound.hear()
    bound.say(pack_pdu(get_response_id(UNBIND), asked.sequence))

    assert asked == Pdu(UNBIND, 0, 1, b"")
    assert bound.is_cut()
    assert opened.is_cut()
    bound.run(closing)


@pytest.mark.behaviour(11)
def test_a_client_that_listens_is_called_to_bind(smsc: Smsc) -> None:
    loop = smsc.api._loop  # noqa: SLF001 - the loop that the door is on as well
    came: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
    came = asyncio.Queue()

    async def listening() -> asyncio.Server:
        return await asyncio.start_server(
            lambda *both: came.put_nowait(both), "127.0.0.1", 0
        )

    server = loop.run_until_complete(listening())
    port = server.sockets[0].getsockname()[1]

    told = smsc.api.post(
        "/_emulator/smpp/outbind", json={"host": "127.0.0.1", "port": port}
    )
    caller = SmppClient(loop, *loop.run_until_complete(came.get()))
    smsc.clients.append(caller)
    asked = caller.hear()
    caller.bind(command=BIND_RECEIVER)

    assert told.body["system_id"] == "demo"
    assert asked == Pdu(OUTBIND, 0, 1, b"demo\0demo\0")
    assert [each.kind for each in smsc.api.world.sessions.values()] == ["receiver"]
    server.close()


def test_where_only_http_mints_a_bind_opens_no_world_but_finds_one() -> None:
    with (
        closing(make_limited_emulator(smpp_mints=False)) as api,
        open_smsc(api) as smsc,
    ):
        caller = smsc.connect()

        before = caller.ask(pack_bind(system_id="world-one"))
        stranger = caller.ask(pack_bind(sequence=2, system_id="nobody"))
        smsc.api.get("/api/v1/user", token="world-one")
        after = caller.ask(pack_bind(sequence=3, system_id="world-one"))

    assert before.status == CommandStatus.ESME_RBINDFAIL
    assert stranger.status == CommandStatus.ESME_RINVSYSID
    assert after.status == 0


def test_an_outbind_is_judged_by_where_its_name_leads(
    smsc: Smsc, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    loop = smsc.api._loop  # noqa: SLF001 - the loop that the door is on as well
    door = smsc.api.app.state.smpp

    async def look_up(*_args: object, **_kinds: object) -> list[object]:
        return [(2, 1, 6, "", ("169.254.169.254", 80))]

    monkeypatch.setattr(loop, "getaddrinfo", look_up, raising=False)

    told = smsc.api.post("/_emulator/smpp/outbind", json={"host": "x", "port": 80})
    (call,) = door._outbinds  # noqa: SLF001 - nothing else tells when it is over
    loop.run_until_complete(call)

    assert told.status == 200
    assert caplog.messages == [
        (
            "no outbind goes to x:80: 169.254.169.254 is never called: it may hold a "
            "cloud's secrets"
        )
    ]
