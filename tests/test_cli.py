"""The command line: where settings come from, and what every command says."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from time import monotonic
from typing import Any

import click
import pytest
import yaml
from openapi_spec_validator import validate

from emulator import files
from emulator.command import main
from emulator.domain.handset import Outcome
from emulator.serving.settings import Settings
from tests.support.processes import (
    DEADLINE,
    ROOT,
    ServedEmulator,
    read_complaint,
    read_url,
    require_tool,
    run_command,
    serve_emulator,
    start_command,
)

CAMPAIGN = {"text": "hola", "recipients": [{"cellphone": "4498987282"}], "route": 87}


@pytest.fixture(scope="module")
def served() -> Iterator[ServedEmulator]:
    with serve_emulator() as running:
        yield running


def world_file(folder: Path, name: str, **changes: Any) -> Path:
    """Write the demo world under another name, with *changes* at its top."""
    document = yaml.safe_load((files.WORLDS / "demo.yaml").read_text("utf-8"))
    document |= {"name": name, "tokens": [{"name": "t", "token": name}], **changes}
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(document), "utf-8")
    return path


def readiness(served: ServedEmulator) -> Any:
    return served.ask("GET", "/_emulator/readyz", token="").body


def now_in(served: ServedEmulator) -> datetime:
    """Return what time it is in the world."""
    return datetime.fromisoformat(readiness(served)["now"])


def place(served: ServedEmulator, **changes: Any) -> Any:
    answer = served.ask("POST", "/api/v3/campaign", json.dumps(CAMPAIGN | changes))
    assert answer.status == 200, answer.octets
    return answer.body


def messages_of(served: ServedEmulator, placed: Any) -> Any:
    path = f"/api/v3/campaign/{placed['campaign']}/messages"
    return served.ask("GET", path).body


# --- Where a setting comes from ------------------------------------------------

# For each setting three values: of a flag, of the environment, of a file.
SAMPLES: Mapping[str, tuple[Any, Any, Any]] = {
    "host": ("127.0.0.2", "127.0.0.3", "127.0.0.4"),
    "port": (1, 2, 3),
    "world": ("one", "two", "three"),
    "clock": ("frozen", "x60", "real"),
    "pace": ("instant", "manual", "instant"),
    "strict": (True, False, True),
    "seed": (1, 2, 3),
    "data": (Path("one"), Path("two"), Path("three")),
    "ready_file": (Path("one"), Path("two"), Path("three")),
    "tls_port": (1, 2, 3),
    "smpp_port": (1, 2, 3),
    "smpp_tls_port": (1, 2, 3),
    "tls_cert": (ROOT / "LICENSE", ROOT / "Makefile", ROOT / "Dockerfile"),
    "tls_key": (ROOT / "LICENSE", ROOT / "Makefile", ROOT / "Dockerfile"),
    "tls_ca_file": (Path("one"), Path("two"), Path("three")),
    "tls_name": ("one", "two", "one,.three.example"),
    "auto_create_worlds": ("http", "any", "http"),
    "processes": (1, 2, 3),
    "allowed_host": ("one", "two", "one,.three.example"),
    "trusted_proxy": ("10.0.0.1/32", "10.0.0.0/8", "127.0.0.1/32,::1/128"),
    "public_url": ("http://one", "https://two:8443/sms", "https://three.example"),
    "cors_origin": ("*", "http://two", "http://localhost:5173,https://three"),
    "control_secret": ("one", "two", "three"),
    "log_level": ("debug", "info", "error"),
    "mo_url": ("http://one", "http://two", "https://three/mo?key=1"),
    "push_allow": ("one", "two", "203.0.113.0/24,three"),
    "push_timeout": (1, 2, 3),
    "push_response_limit": (1, 2, 3),
    "max_deliveries": (1, 2, 3),
    "body_limit": (1, 2, 3),
    "request_line_limit": (101, 102, 103),
    "header_limit": (301, 302, 303),
    "max_headers": (1, 2, 3),
    "max_connections": (1, 2, 3),
    "idle_timeout": (1, 2, 3),
    "header_timeout": (1, 2, 3),
    "transfer_timeout": (1, 2, 3),
    "json_node_limit": (1, 2, 3),
    "body_total_limit": (1, 2, 3),
    "snapshot_limit": (1, 2, 3),
    "durability": ("power", "process", "power"),
    "accept_loss": (True, False, True),
    "max_checkpoints": (1, 2, 3),
    "max_messages": (1, 2, 3),
    "max_worlds": (1, 2, 3),
    "journal_limit": (1, 2, 3),
    "journal_total_limit": (1, 2, 3),
}
NAMES = [each.name for each in fields(Settings)]


def flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def written(value: Any) -> str:
    """Return *value* as TOML."""
    return json.dumps(value if isinstance(value, bool | int) else str(value))


def settled(*arguments: str) -> Mapping[str, Any]:
    """Return the settings that ``serve`` would run with."""
    return main.serve_command.make_context("serve", list(arguments)).params


def test_there_is_one_flag_for_every_setting() -> None:
    options = {each.name for each in main.serve_command.params if each.expose_value}

    assert options == set(NAMES) == SAMPLES.keys()


@pytest.mark.parametrize("name", NAMES)
def test_a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_flag, of_environment, of_file = SAMPLES[name]
    default = getattr(Settings(), name)
    config = tmp_path / "emulator.toml"
    config.write_text(f"{flag(name)[2:]} = {written(of_file)}\n", "utf-8")
    arguments = ["--config", str(config)]
    given = [flag(name)] if of_flag is True else [flag(name), str(of_flag)]

    assert settled()[name] == default
    assert settled(*arguments)[name] == of_file != default
    monkeypatch.setenv(f"EMULATOR_{name.upper()}", str(of_environment))
    assert settled(*arguments)[name] == of_environment != of_file
    assert settled(*arguments, *given)[name] == of_flag != of_environment


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.setenv(f"EMULATOR_{name.upper()}", "")

    assert settled() == {name: getattr(Settings(), name) for name in NAMES}


def test_the_port_of_the_environment_is_taken() -> None:
    with start_command("serve", environment={"EMULATOR_PORT": "0"}) as process:
        assert not read_url(process).endswith(f":{Settings().port}")


def test_the_configuration_may_be_named_by_the_environment(tmp_path: Path) -> None:
    config = tmp_path / "emulator.toml"
    config.write_text('port = 0\nworld = "contract"\n', "utf-8")

    with start_command(
        "serve", environment={"EMULATOR_CONFIG": str(config)}
    ) as process:
        assert not read_url(process).endswith(f":{Settings().port}")
        assert process.stdout is not None
        assert "(world contract, seed 1)" in process.stdout.readline()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("port = ", "cannot be read: Invalid value"),
        ("colour = 1", "sets what there is not: colour"),
        ("config = 'again.toml'", "sets what there is not: config"),
        ("port = 70000", "is wrong at port: 70000 is not in the range"),
        ("port = [1]", "is wrong at port: '[1]' is not a valid"),
        ("seed = 1.5", "is wrong at seed: '1.5' is not a valid integer"),
        ("strict = 'perhaps'", "is wrong at strict: 'perhaps' is not a valid boolean"),
        ("clock = 'soon'", "is wrong at clock: 'soon' is not real, frozen, xN"),
        ("tls-cert = '/nowhere'", "is wrong at tls_cert: File '/nowhere' does not"),
        ("[serve]\nport = 1", "sets what there is not: serve"),
        ("\0", "cannot be read: "),
    ],
)
def test_a_wrong_configuration_is_refused_in_one_sentence(
    content: str, reason: str, tmp_path: Path
) -> None:
    config = tmp_path / "emulator.toml"
    config.write_text(content, "utf-8")

    said = read_complaint("serve", "--config", str(config))

    assert said.startswith(f"the configuration {config} {reason}")


def test_a_configuration_may_hold_an_instant_as_toml_writes_it(tmp_path: Path) -> None:
    config = tmp_path / "emulator.toml"
    config.write_text("clock = 2026-01-31T12:00:00Z\n", "utf-8")

    with serve_emulator("--config", str(config)) as served:
        assert now_in(served) == datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_a_configuration_that_is_not_there_is_refused() -> None:
    assert read_complaint("serve", "--config", "nowhere.toml").startswith(
        "the configuration nowhere.toml cannot be read: "
    )


def test_a_wrong_flag_ends_with_2_and_says_which() -> None:
    done = run_command("serve", "--clock", "soon")

    assert done.returncode == 2
    assert "'--clock' (env var: 'EMULATOR_CLOCK'): 'soon' is not real" in done.stderr


# --- What serve prints -----------------------------------------------------------


def pasted(line: str) -> Any:
    """Run *line* as somebody would who pastes it into a terminal."""
    require_tool("curl")
    done = subprocess.run(
        ["sh", "-c", line], capture_output=True, check=True, timeout=DEADLINE
    )
    return json.loads(done.stdout)


def banner(served: ServedEmulator) -> tuple[str, str, str]:
    """Return where it is, which token opens it, and what to paste."""
    assert served.process.stdout is not None
    token, _smpp, curl = (
        served.process.stdout.readline().rstrip("\n") for _ in range(3)
    )
    return served.announced.rstrip("\n"), token, curl


def test_serve_says_where_it_is_which_token_opens_it_and_what_to_paste() -> None:
    with serve_emulator() as served:
        ready, token, curl = banner(served)
        answer = pasted(curl)

    assert ready == f"Smsclouds V3, emulated, is ready on {served.url}"
    assert token.startswith("token: demo (world demo, seed 1), or world-<any name>")
    assert answer["message"] == "Completado Correctamente"
    assert answer["recipients_count"] == 1


def test_the_line_to_paste_fits_the_world(tmp_path: Path) -> None:
    token = """o'hara-"$HOME"-`id`"""
    path = world_file(
        tmp_path,
        "brasil",
        countries=[{"country": 55, "name": "Brasil"}],
        routes=[
            {
                "route": 1,
                "name": "Uma",
                "country": 55,
                "price": 1,
                "description": "12345",
            }
        ],
        tokens=[{"name": "odd", "token": token}],
    )

    with serve_emulator("--world", str(path)) as served:
        answer = pasted(banner(served)[-1])

    assert answer["country"] == "Brasil"


def test_a_world_without_tokens_is_opened_by_minting_another(tmp_path: Path) -> None:
    path = world_file(tmp_path, "closed", tokens=[])

    with serve_emulator("--world", str(path)) as served:
        _, token, curl = banner(served)
        assert token.startswith("token: world-one (")
        assert pasted(curl)["recipients_count"] == 1


def test_the_first_readers_departure_does_no_harm() -> None:
    with serve_emulator() as served:
        assert served.process.stdout is not None
        served.process.stdout.close()

        assert served.ask("GET", "/api/v1/user").status == 200


# --- Worlds ----------------------------------------------------------------------


def test_the_demo_world_is_the_default(served: ServedEmulator) -> None:
    assert readiness(served)["world"] == "demo"


def test_the_contract_world_comes_with_the_program() -> None:
    with serve_emulator("--world", "contract") as served:
        assert now_in(served) == now_in(served)
        for token in ("contract", "contract-second"):
            assert served.ask("GET", "/api/v1/user", token=token).status == 200


def test_a_world_may_be_a_file(tmp_path: Path) -> None:
    path = world_file(tmp_path, "mine", short_link_base="https://s.example.org")

    with serve_emulator("--world", str(path)) as served:
        assert served.ask("GET", "/api/v1/user", token="mine").status == 200
        assert served.ask("GET", "/api/v1/user", token="demo").status == 401


def test_a_directory_is_several_worlds_of_which_the_first_is_the_default(
    tmp_path: Path,
) -> None:
    for name in ("beta", "alpha"):
        world_file(tmp_path, name)

    with serve_emulator("--world", str(tmp_path)) as served:
        assert readiness(served)["world"] == "alpha"
        for token in ("alpha", "beta"):
            assert served.ask("GET", "/api/v1/user", token=token).status == 200


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"routes": [{"route": "x"}]}, "at routes.0"),
        ({"account": {}}, "at account: "),
        ({"colour": "red"}, "'colour' was unexpected"),
        ({"clock": "soon"}, "in what it means: "),
        ({"assumptions": {"charge": "twice"}}, "charge is one of per_part"),
        ({"countries": []}, "leads to an unknown country"),
    ],
)
def test_a_wrong_world_file_is_refused_with_the_place_of_the_mistake(
    change: Mapping[str, Any], reason: str, tmp_path: Path
) -> None:
    path = world_file(tmp_path, "wrong", **change)

    said = read_complaint("serve", "--world", str(path))

    assert said.startswith(f"the world file {path} is wrong ")
    assert reason in said


@pytest.mark.parametrize(
    "content", [None, b"name: [", b"\xff\xfe\x00", b"", b"a: b\n c: d\n"]
)
def test_an_unreadable_world_file_is_refused_in_one_sentence(
    content: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "world.yaml"
    if content is not None:
        path.write_bytes(content)

    assert read_complaint("serve", "--world", str(path)).startswith(
        f"the world file {path}"
    )


def test_a_directory_without_worlds_is_refused(tmp_path: Path) -> None:
    assert "holds no world file" in read_complaint("serve", "--world", str(tmp_path))


def test_two_worlds_of_one_name_are_refused(tmp_path: Path) -> None:
    world_file(tmp_path, "alpha")
    (tmp_path / "beta.yaml").write_text((tmp_path / "alpha.yaml").read_text())

    assert "two world files are called alpha" in read_complaint(
        "serve", "--world", str(tmp_path)
    )


def test_tokens_mint_no_more_worlds_than_allowed() -> None:
    with serve_emulator("--max-worlds", "2") as served:
        statuses = [
            served.ask("GET", "/api/v1/user", token=f"world-{name}").status
            for name in ("one", "two", "one")
        ]

    assert statuses == [200, 401, 200]


# --- Time, chance, strictness ------------------------------------------------------


def test_the_clock_is_the_machines_by_default(served: ServedEmulator) -> None:
    before, now, after = datetime.now(UTC), now_in(served), datetime.now(UTC)

    assert before <= now <= after


def test_a_frozen_clock_stands_still() -> None:
    with serve_emulator("--clock", "frozen") as served:
        first = now_in(served)
        place(served)

        assert now_in(served) == first
        assert abs(datetime.now(UTC) - first) < timedelta(minutes=5)


def test_a_fast_clock_makes_an_hour_of_a_second() -> None:
    with serve_emulator("--clock", "x3600") as served:
        wall, first = datetime.now(UTC), now_in(served)
        deadline = monotonic() + DEADLINE
        while now_in(served) < first + timedelta(minutes=10):
            assert monotonic() < deadline, "the clock does not run"

        assert datetime.now(UTC) - wall < timedelta(minutes=1)


def test_a_clock_may_stand_at_an_instant() -> None:
    with serve_emulator("--clock", "2024-02-29T23:59:59-06:00") as served:
        assert now_in(served) == datetime(2024, 3, 1, 5, 59, 59, tzinfo=UTC)


def test_the_command_line_holds_every_world_it_opens_or_mints() -> None:
    with serve_emulator("--clock", "2024-02-29T12:00:00Z") as served:
        user = served.ask("GET", "/api/v1/user", token="world-leap").body["data"]

    assert user["API_settings"][0]["expires"] == "2025-02-28 06:00:00"


@pytest.mark.manual("DLR-08")
def test_at_an_instant_pace_a_campaign_is_final_when_it_is_placed() -> None:
    with serve_emulator("--pace", "instant", "--clock", "frozen") as served:
        found = messages_of(served, place(served))

    assert (found["campaign_status"], found["percentage"]) == ("inserted", 100)


def test_at_the_manuals_pace_it_is_not() -> None:
    with serve_emulator("--pace", "manual", "--clock", "frozen") as served:
        found = messages_of(served, place(served))

    assert (found["campaign_status"], found["percentage"]) == ("inserting", 0)


def test_strict_refuses_what_lenient_notes() -> None:
    form = {"Content-Type": "text/plain"}
    asked = ("POST", "/api/v3/campaign", json.dumps(CAMPAIGN))

    with serve_emulator("--lenient") as served:
        lenient = served.ask(*asked, headers=form)
    with serve_emulator("--strict") as served:
        strict = served.ask(*asked, headers=form)

    assert (lenient.status, lenient.notes) == (200, ["ERR-04"])
    assert strict.status == 400


def networks(*flags: str) -> list[str]:
    """Return to which networks thirty numbers belong."""
    with serve_emulator(*flags) as served:
        return [
            served.ask("GET", f"/api/v3/hlr/44989872{number}").body["network"]
            for number in range(10, 40)
        ]


def test_one_seed_tells_one_story() -> None:
    assert networks("--seed", "7") == networks("--seed", "7") != networks("--seed", "8")


# --- token, healthcheck, openapi, --version ------------------------------------------


def tokens(served: ServedEmulator, *arguments: str) -> str:
    """Return what a token command prints."""
    done = run_command("token", *arguments, "--url", served.url)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.rstrip("\n")


@pytest.mark.manual("AUT-01", "AUT-02", "AUT-04")
def test_a_token_is_created_used_listed_and_deleted(served: ServedEmulator) -> None:
    token = tokens(served, "create", "the suite's")
    assert served.ask("GET", "/api/v1/user", token=token).status == 200
    listed = tokens(served, "list").splitlines()
    assert listed[0].endswith("  mytoken  demo")
    assert listed[1].endswith(f"  the suite's  {token}")

    assert tokens(served, "delete", token) == "deleted the suite's"

    assert served.ask("GET", "/api/v1/user", token=token).status == 401
    assert len(tokens(served, "list").splitlines()) == 1


@pytest.mark.manual("AUT-03")
def test_a_token_is_listed_with_its_creation_and_its_end_a_year_later() -> None:
    with serve_emulator("--clock", "2026-03-02T18:00:00Z") as served:
        assert tokens(served, "list") == (
            "2026-03-02 12:00:00  2027-03-02 12:00:00  mytoken  demo"
        )


def test_a_token_command_may_name_another_world(served: ServedEmulator) -> None:
    served.ask("GET", "/api/v1/user", token="world-other")
    token = tokens(served, "create", "second", "--world", "other")

    assert token in tokens(served, "list", "--world", "other")
    assert token not in tokens(served, "list")


def test_what_a_token_command_cannot_do_is_said_in_one_sentence(
    served: ServedEmulator,
) -> None:
    there = ("--url", served.url)

    assert read_complaint("token", "delete", "no such token?", *there) == (
        "The token does not exist: world demo has no such token"
    )
    assert read_complaint("token", "list", "--world", "nowhere", *there) == (
        "The world does not exist: no world is called nowhere"
    )


def test_healthcheck_is_silent_where_an_emulator_answers(
    served: ServedEmulator,
) -> None:
    done = run_command("healthcheck", "--url", served.url)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    "command", [("healthcheck",), ("token", "list"), ("token", "create", "x")]
)
def test_a_command_asks_where_the_environment_lets_serve_listen(
    command: tuple[str, ...], served: ServedEmulator
) -> None:
    _, port = served.address
    container = {"EMULATOR_HOST": "0.0.0.0", "EMULATOR_PORT": str(port)}  # noqa: S104

    assert run_command(*command, environment=container).returncode == 0


def test_healthcheck_asks_where_the_configuration_lets_serve_listen(
    served: ServedEmulator, tmp_path: Path
) -> None:
    config = tmp_path / "emulator.toml"
    config.write_text(f'port = {served.address[1]}\nworld = "contract"\n', "utf-8")
    environment = {"EMULATOR_CONFIG": str(config)}

    assert run_command("healthcheck", environment=environment).returncode == 0
    assert run_command("token", "list", environment=environment).returncode == 0


def test_a_url_beats_host_and_port(served: ServedEmulator) -> None:
    environment = {"EMULATOR_PORT": "1", "EMULATOR_URL": served.url}

    assert run_command("healthcheck", environment=environment).returncode == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1",
        "127.0.0.1:1",
        "http://127.0.0.1:port",
        "http://[::1",
        "http://nowhere.invalid",
        "",
    ],
)
def test_healthcheck_ends_with_2_where_nobody_answers(url: str) -> None:
    said = read_complaint("healthcheck", "--url", url, "--port", "1")

    assert said.startswith("no emulator answers at ")


def test_healthcheck_ends_with_2_where_somebody_else_answers() -> None:
    server = (sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1", "0")
    with subprocess.Popen(
        server, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        found = re.search(r"http://[0-9.:]+", process.stdout.readline())
        assert found is not None
        try:
            said = read_complaint("healthcheck", "--url", found[0])
        finally:
            process.kill()

    assert said.startswith(f"no emulator answers at {found[0]} (")


def test_openapi_prints_the_contract(tmp_path: Path) -> None:
    done = run_command("openapi", cwd=ROOT)

    assert done.stdout == files.CONTRACT.read_text("utf-8")
    validate(yaml.safe_load(done.stdout))
    printed = tmp_path / "openapi.yaml"
    printed.write_text(done.stdout, "utf-8")
    command = require_tool("openapi-spec-validator")
    subprocess.run([command, printed], check=True, capture_output=True)


def test_the_version_is_that_of_the_package() -> None:
    assert run_command("--version").stdout.split()[-1] == version("smsclouds-emulator")


@pytest.mark.parametrize("name", ["smsclouds-emulator", "emulator"])
def test_the_command_has_two_names(name: str) -> None:
    path = Path(sys.executable).with_name(name)

    done = subprocess.run([path, "--help"], check=True, capture_output=True, text=True)

    assert done.stdout.startswith(f"Usage: {name} ")
    assert {"serve", "token", "healthcheck", "openapi"} <= set(done.stdout.split())


# --- A contract that does not fit ------------------------------------------------


def copied(tmp_path: Path, *changes: tuple[str, str]) -> Path:
    """Copy the program as a wheel installs it, with *changes* to its contract."""
    package = tmp_path / "emulator"
    shutil.copytree(
        ROOT / "emulator", package, ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copytree(files.ROOT / "fixtures", package / "_data" / "fixtures")
    contract = files.CONTRACT.read_text("utf-8")
    for old, new in changes:
        assert old in contract
        contract = contract.replace(old, new)
    (package / "_data" / "openapi.yaml").write_text(contract, "utf-8")
    return tmp_path


def test_a_contract_with_an_operation_that_nobody_carries_out_stops_the_start(
    tmp_path: Path,
) -> None:
    place = copied(tmp_path, ("operationId: getUser\n", "operationId: getCustomer\n"))

    assert read_complaint("serve", "--port", "0", cwd=place) == (
        "contract and program differ: without a function: getCustomer; "
        "without an operationId: getUser"
    )


def test_an_operation_without_its_name_stops_the_start(tmp_path: Path) -> None:
    place = copied(tmp_path, ("      operationId: getUser\n", ""))

    assert read_complaint("serve", "--port", "0", cwd=place) == (
        "GET /api/v1/user has no operationId"
    )


def test_a_contract_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    place = copied(tmp_path, ("openapi: 3.1.1\n", "openapi: [\n"))

    assert read_complaint("serve", "--port", "0", cwd=place).startswith("the contract ")


# --- What exists is documented ------------------------------------------------------


def options(command: click.Command) -> Iterator[click.Option]:
    if isinstance(command, click.Group):
        for each in command.commands.values():
            yield from options(each)
    yield from (each for each in command.params if isinstance(each, click.Option))


def documented() -> Mapping[str, list[str]]:
    """Return the rows of the README's table of settings, by flag."""
    readme = (ROOT / "README.md").read_text("utf-8")
    rows = re.findall(r"^\| `(--[a-z-]+)\b[^`]*` \|(.*)\|$", readme, re.MULTILINE)
    return {name: [cell.strip() for cell in rest.split("|")] for name, rest in rows}


def test_every_option_has_a_sentence_of_help() -> None:
    assert [each.name for each in options(main.main) if not each.help] == []


def test_the_readme_names_every_setting_with_its_variable_and_its_default() -> None:
    rows = documented()

    assert list(rows) == [*map(flag, NAMES), "--config"]
    for name in NAMES:
        variable, default, *_ = rows[flag(name)]
        value = getattr(Settings(), name)
        assert variable == f"`EMULATOR_{name.upper()}`"
        if value is not None:
            assert default == f"`{value}`"


def test_the_readmes_links_lead_somewhere() -> None:
    for page in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"):
        text = (ROOT / page).read_text("utf-8")
        for target in re.findall(r"\]\(([^)#]+)", text):
            assert "://" in target or (ROOT / target).exists(), f"{page}: {target}"


def test_every_curl_of_the_readme_is_answered() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    here = f"http://127.0.0.1:{Settings().port}"
    lines = [line for line in "".join(blocks).splitlines() if f"curl {here}" in line]
    assert lines

    with serve_emulator() as served:
        for line in lines:
            words = shlex.split(line.replace(here, served.url))
            subprocess.run(
                [require_tool(words[0]), "--fail", *words[1:]],
                check=True,
                capture_output=True,
                timeout=DEADLINE,
            )


def test_the_readme_names_every_number_with_an_outcome() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    shown = re.findall(r"^\| `99900(\d\d)\.\.\.`", readme, re.MULTILINE)

    assert [Outcome(int(digits)) for digits in shown] == list(Outcome)
