"""``reply``, ``advance``, ``settle`` and ``fault``: commands to a running emulator."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from emulator.client import Emulator
from emulator.command.main import main
from emulator.command.remote import parse_clock_move, parse_rule_words
from emulator.domain.delivery import PushMutation
from emulator.faults import vocabulary
from emulator.serving.standby import Standby
from tests.support.orders import NUMBER
from tests.support.processes import read_complaint, run_command, serve_emulator
from tests.support.servers import (
    Receiver,
    check_push,
    deliver_sms,
    open_world,
    place_sms,
    poll_replies,
)

OTHER = "5512345678"


@pytest.fixture(scope="module")
def server() -> Iterator[Emulator]:
    with closing(Standby("demo")) as standby, Emulator(standby.url) as server:
        yield server


@pytest.fixture
def world(server: Emulator) -> Iterator[Emulator]:
    with open_world(server) as world:
        yield world


def shell(world: Emulator, *words: str) -> Result:
    """Run a command in this process, to this world."""
    return CliRunner().invoke(
        main, [*words, "--url", world.url, "--world", world.world]
    )


def said(world: Emulator, *words: str) -> list[str]:
    """Return the lines of a command that works."""
    done = shell(world, *words)
    assert done.exit_code == 0, done.output
    return done.output.splitlines()


def declined(world: Emulator, *words: str) -> str:
    """Return the one sentence of a command that does not."""
    done = shell(world, *words)
    assert done.exit_code == 2, done.output
    *_, sentence = done.output.splitlines()
    assert sentence.startswith("Error: ")
    return sentence


# --- reply ------------------------------------------------------------------------


def test_a_reply_says_what_came_of_it(world: Emulator, receiver: Receiver) -> None:
    world.change_account(push_url=receiver.url)
    deliver_sms(world)

    (line,) = said(world, "reply", NUMBER, "BAJA")
    world.settle()

    message = world.messages()[0].id
    assert line == f"reply 977929 to message {message}, deliveries 1"
    assert [check_push(each)["response"] for each in receiver.asked] == ["BAJA"]


def test_a_reply_may_be_to_an_older_message(world: Emulator) -> None:
    deliver_sms(world, text="first")
    deliver_sms(world, text="second")
    first = world.messages()[0].id

    (line,) = said(world, "reply", NUMBER, "Si", "--message", str(first))

    assert line == f"reply 977929 to message {first}"
    assert [each["message"] for each in poll_replies(world)] == ["first"]


def test_a_reply_with_a_keyword_says_so(world: Emulator) -> None:
    assert said(world, "reply", OTHER, "INFO por favor") == ["keyword info"]
    assert len(world.messages(to=OTHER)) == 1


def test_a_reply_that_is_refused_is_one_sentence(world: Emulator) -> None:
    assert "has sent nothing to 5512345678" in declined(world, "reply", OTHER, "Si")
    place_sms(world)
    assert "advance the clock, or settle" in declined(world, "reply", NUMBER, "Si")
    assert "text" in declined(world, "reply", NUMBER, "")
    assert "text" in declined(world, "reply", NUMBER, "x" * 161)
    assert "number" in declined(world, "reply", "123", "Si")
    assert "no message 1" in declined(world, "reply", NUMBER, "Si", "--message", "1")


def test_a_token_opens_a_world_as_well(world: Emulator) -> None:
    flags = ("--url", world.url, "--token", world.token)
    done = CliRunner().invoke(main, ["reply", OTHER, "info", *flags])

    assert (done.exit_code, done.output) == (0, "keyword info\n")
    assert len(world.keyword_texts) == 1


# --- advance and settle -----------------------------------------------------------


@pytest.mark.parametrize(
    ("time", "asked"),
    [
        ("next", {"next": True}),
        ("90", {"seconds": 90}),
        ("90s", {"seconds": 90}),
        ("1.5m", {"seconds": 90}),
        ("5m", {"seconds": 300}),
        ("2h", {"seconds": 7_200}),
        ("3d", {"seconds": 259_200}),
        ("0", {"seconds": 0}),
        ("2026-01-31T12:00:00Z", {"to": "2026-01-31T12:00:00Z"}),
        ("2026-01-31T12:00:00-06:00", {"to": "2026-01-31T12:00:00-06:00"}),
    ],
)
def test_a_time_is_a_duration_an_instant_or_next(
    time: str, asked: dict[str, Any]
) -> None:
    assert parse_clock_move(time) == asked


@pytest.mark.parametrize(
    "time", ["", "soon", "5 m", "5w", "m", "1e3", "1h30m", "2026-01-31", "12:00", "٣s"]
)
def test_any_other_time_is_declined(world: Emulator, time: str) -> None:
    assert "is not next, 90, 90s, 5m, 2h, 3d or" in declined(world, "advance", time)
    assert world.settle().events.count == 0


def test_advancing_says_what_happened_and_what_is_pending(world: Emulator) -> None:
    place_sms(world, "9990010000")

    assert said(world, "advance", "11s") == [
        "now 2026-03-02T18:00:11+00:00",
        "events: 2:",
        "  2026-03-02T18:00:01.000000Z inserted channel sms campaign 8528238",
        "  2026-03-02T18:00:11.000000Z completed channel sms campaign 8528238",
        "pending: 1:",
        "  2026-03-02T18:00:22.000000Z replied campaign 8528238 message 46608336",
    ]


def test_without_a_word_it_is_the_next_event(world: Emulator) -> None:
    place_sms(world)

    assert said(world, "advance")[0] == "now 2026-03-02T18:00:01+00:00"
    assert said(world, "advance", "next")[0] == "now 2026-03-02T18:00:11+00:00"


def test_an_instant_is_gone_to(world: Emulator) -> None:
    lines = said(world, "advance", "2026-03-05T12:00:00-06:00")

    assert lines[0] == "now 2026-03-05T18:00:00+00:00"
    assert "already" in declined(world, "advance", "2026-03-04T12:00:00Z")


def test_settling_goes_on_to_the_end(world: Emulator, receiver: Receiver) -> None:
    world.change_account(push_url=receiver.url)
    place_sms(world, "9990011000")

    lines = said(world, "settle")

    assert lines[0] == "now 2026-03-02T18:00:33+00:00"
    assert lines[-1] == "pending: none"
    assert lines[-2].endswith("pushed delivery 2 verdict accepted")
    assert len(receiver.asked) == 2


# --- fault ------------------------------------------------------------------------


def test_a_rule_is_made_of_words(world: Emulator) -> None:
    words = "operation=createCampaign status=500 phase=after first=1 retry_after=7"

    (line,) = said(world, "fault", *words.split())

    assert line == (
        "f1 after createCampaign {'first': 1}: {'status': 500, 'retry_after': 7}, "
        "matched 0, applied 0"
    )
    (rule,) = world.faults
    assert dict(rule.effect) == {"status": 500, "retry_after": 7}


@pytest.mark.parametrize("trick", [*PushMutation])
def test_every_trick_of_a_push_can_be_asked_for(
    world: Emulator, trick: PushMutation
) -> None:
    more = {PushMutation.LATE: ["seconds=5"], PushMutation.STORM: ["count=9"]}.get(
        trick, []
    )

    (line,) = said(world, "fault", f"push={trick}", "number=7282", *more)

    assert f"'push': '{trick}'" in line
    assert "{'number': '7282'}" in line, "digits of a number are no number"


@pytest.mark.parametrize("effect", [*vocabulary.list_effect_examples()], ids=str)
def test_every_word_that_the_server_knows_is_known_here(
    world: Emulator, effect: dict[str, Any]
) -> None:
    said(world, "fault", *(f"{name}={value}" for name, value in effect.items()))

    (rule,) = world.faults
    assert vocabulary.parse_effect(rule.effect) == vocabulary.parse_effect(effect)


def test_a_rule_may_name_a_command_of_smpp(world: Emulator) -> None:
    words = "operation=submit_sm command_status=ESME_RTHROTTLED disabled=true"

    (line,) = said(world, "fault", *words.split())

    assert "before submit_sm {'disabled': True}: {'command_status': 88}" in line


def test_a_rule_is_switched_off_and_on_by_its_id(world: Emulator) -> None:
    said(world, "fault", "pdu=duplicated")

    (off,) = said(world, "fault", "f1", "disabled=true")
    (on,) = said(world, "fault", "f1", "disabled=false")

    assert "'disabled': True" in off
    assert "disabled" not in on
    assert "disabled" in declined(world, "fault", "f1")


def test_presets_and_lists_and_clearing(world: Emulator) -> None:
    said(world, "fault", "preset=paid-but-500")
    two = said(world, "fault", "delay=2", 'body={"route": 87}')

    assert said(world, "fault") == two
    assert [each.split()[0] for each in two] == ["f1", "f2"]
    assert len(said(world, "fault", "--clear", "wire=close")) == 1
    assert said(world, "fault", "--clear") == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["500"], "not of the form status=500"),
        (["status=500", "oops"], "'oops' is not of the form"),
        (["status=abc"], "status"),
        (["push=sideways"], "push"),
        (["push=late"], "how late"),
        (["colour=red"], "'colour' is none of"),
        (["status=500", "operaton=getUser"], "'operaton' is none of"),
        (["first=1"], "effect"),
        (["preset=nothing"], "there is no preset nothing"),
        (["push=lost", "phase=before"], "leave it out"),
        (["push=lost", "operation=createCampaign"], "moPush"),
    ],
)
def test_wrong_words_are_one_sentence(
    world: Emulator, words: list[str], says: str
) -> None:
    assert says in declined(world, "fault", *words)
    assert world.faults == []


def test_words_are_read_as_what_they_are() -> None:
    words = ("number=0012", "probability=0.5", "status=200", "headers={}", "token=007")

    assert parse_rule_words((*words, "operation=1")) == {
        "number": "0012",
        "probability": 0.5,
        "token": "007",
        "operation": "1",
        "effect": {"status": 200, "headers": {}},
    }


def test_a_body_is_the_answers_where_there_is_one_and_else_the_calls() -> None:
    answer, call = ("status=500", "body=[1]", "body_has={}"), ("delay=1", "body={}")

    assert parse_rule_words(answer) == {
        "body": {},
        "effect": {"status": 500, "body": [1]},
    }
    assert parse_rule_words(call) == {"body": {}, "effect": {"delay": 1}}
    assert parse_rule_words(("preset=slow", "headers_have={}", "since=x")) == {
        "preset": "slow",
        "headers": {},
        "from": "x",
    }


# --- Where it is ------------------------------------------------------------------


@pytest.mark.parametrize(
    "command", [("reply", NUMBER, "Si"), ("advance",), ("settle",), ("fault",)]
)
def test_where_no_emulator_is_each_says_so(command: tuple[str, ...]) -> None:
    sentence = read_complaint(*command, "--url", "http://127.0.0.1:1")

    assert "no emulator answers at http://127.0.0.1:1" in sentence


@pytest.mark.parametrize(
    "command", [("reply", NUMBER, "Si"), ("advance",), ("settle",), ("fault",)]
)
def test_a_world_that_is_not_there_is_one_sentence(
    server: Emulator, command: tuple[str, ...]
) -> None:
    flags = ("--url", server.url, "--world", "nowhere")
    done = CliRunner().invoke(main, [*command, *flags])

    assert done.exit_code == 2
    assert "no world is called nowhere" in done.output


# --- serve --mo-url ---------------------------------------------------------------


@pytest.mark.manual("MOP-02", "WEB-07", "LOST-04")
@pytest.mark.parametrize("way", ["flag", "variable", "file"])
def test_the_push_url_is_that_of_every_world(
    receiver: Receiver, tmp_path: Path, way: str
) -> None:
    config = tmp_path / "emulator.toml"
    config.write_text(f"mo-url = {json.dumps(receiver.url)}\nclock = 'frozen'\n")
    flags, variables = {
        "flag": (("--clock", "frozen", "--mo-url", receiver.url), {}),
        "variable": (("--clock", "frozen"), {"EMULATOR_MO_URL": receiver.url}),
        "file": (("--config", str(config)), {}),
    }[way]
    with (
        serve_emulator(*flags, environment=variables) as served,
        Emulator(served.url) as home,
    ):
        minted = Emulator(served.url, token="world-minted")
        created = home.create("created")
        for world in (home, minted, created):
            deliver_sms(world)
            world.phone(NUMBER).reply(world.world)
            world.settle()
        minted.close()

    heard = [check_push(each)["response"] for each in receiver.asked]
    assert heard == ["demo", "minted", "created"]


@pytest.mark.parametrize("wrong", ["localhost:3000/mo", "ftp://here/mo", "http://"])
def test_a_push_url_that_is_none_is_declined(wrong: str) -> None:
    done = run_command("serve", "--port", "0", "--mo-url", wrong)

    assert done.returncode == 2
    assert "is no address" in done.stderr
