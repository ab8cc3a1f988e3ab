"""Who may command the emulator, and how much it holds."""

import json
import ssl
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from emulator import files
from emulator.domain.account import MAX_ITEMS, Token
from emulator.domain.handset import Outcome
from emulator.serving.settings import Settings
from tests.support.browser import FORM
from tests.support.emulator import (
    START,
    Answer,
    Api,
    MakeApi,
    keep_changes,
    make_limited_emulator,
    read_control,
    run_control,
    send_control,
)
from tests.support.orders import CLIC, EMAIL, NUMBER, SMS, VOICE, make_order
from tests.support.processes import (
    DEADLINE,
    ROOT,
    ServedEmulator,
    run_command,
    serve_emulator,
)

SECRET = "correct-horse"
HEADER = "X-Emulator-Control"
ELSEWHERE = {"getHealth", "getReadiness"}

# --- The secret ------------------------------------------------------------------


@pytest.fixture
def guarded() -> Iterator[Api]:
    with closing(make_limited_emulator(secret=SECRET)) as api:
        yield api


def commands() -> list[Any]:
    return [
        each for each in read_control().operations.values() if each.id not in ELSEWHERE
    ]


@pytest.mark.parametrize("operation", commands(), ids=lambda each: each.id)
def test_no_command_is_carried_out_without_the_secret(
    guarded: Api, operation: Any
) -> None:
    path = operation.path.replace("{cellphone}", NUMBER)

    answer = guarded.send(operation.method, path + "?world=nowhere", json={})

    assert answer.status == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == HEADER
    assert answer.body == {
        "title": "The control secret is missing or another",
        "status": 401,
        "detail": f"send the header {HEADER}: <secret>",
    }
    assert SECRET not in str(answer)


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        (HEADER, SECRET, 200),
        (HEADER.lower(), SECRET, 200),
        (HEADER, SECRET[:-1], 401),
        (HEADER, SECRET + "x", 401),
        (HEADER, SECRET.upper(), 401),
        (HEADER, "", 401),
        (HEADER, "\u00e9", 401),
        ("Cookie", f"emulator_control={SECRET}", 401),
        ("Cookie", f"a=b; emulator_control={SECRET}; c=d", 401),
        ("Cookie", f"emulator_control={SECRET}x", 401),
        ("Cookie", f"emulator_control2={SECRET}", 401),
        ("Cookie", f"a=emulator_control={SECRET}", 401),
        ("Cookie", f"{SECRET}", 401),
        ("Cookie", "", 401),
        ("Authorization", f"Bearer {SECRET}", 401),
    ],
)
def test_the_secret_travels_in_a_header_and_in_no_cookie(
    guarded: Api, name: str, value: str, status: int
) -> None:
    answer = send_control(guarded, "GET", "clock", headers={name: value}, token="")

    assert answer.status == status


def test_whether_it_lives_is_no_secret(guarded: Api) -> None:
    for path in ("healthz", "readyz"):
        assert run_control(guarded, "GET", path, token="") is not None


def test_the_platform_asks_for_no_secret(guarded: Api) -> None:
    assert guarded.get("/api/v1/user").status == 200
    assert guarded.get("/openapi.json").status == 200


def test_an_unknown_token_is_told_of_itself_and_not_of_the_secret(api: Api) -> None:
    answer = send_control(api, "GET", "clock", token="nobodys")

    assert answer.status == 401
    assert "www-authenticate" not in answer.headers


def test_without_a_secret_any_one_will_do(api: Api) -> None:
    for number in range(20):
        sent = {HEADER: f"any-{number}"}
        assert send_control(api, "GET", "clock", headers=sent).status == 200
        content = f"secret={number}".encode()
        entered = api.post("/panel/enter", content=content, token="", headers=FORM)
        assert entered.status == 303


def test_the_secret_is_shown_nowhere() -> None:
    environment = {"EMULATOR_CONTROL_SECRET": SECRET}
    with serve_emulator("--log-level", "debug", environment=environment) as served:
        wrong = served.ask("GET", "/_emulator/clock", headers={HEADER: "not-it"})
        right = {HEADER: SECRET, "Cookie": f"emulator_control={SECRET}"}
        served.ask("POST", SMS, "{", headers=right)
        journal = served.ask("GET", "/_emulator/journal", headers=right)
        account = served.ask("GET", "/_emulator/account", headers=right)
        wrong_port = run_command("healthcheck", "--port", "1", environment=environment)
        log = served.log.read_text()

    assert wrong.status == 401
    assert journal.status == account.status == 200
    for told in (wrong, journal, account, served, log, wrong_port):
        assert SECRET not in str(told)
    assert SECRET not in repr(Settings(control_secret=SECRET))


def test_the_command_line_sends_the_secret(tmp_path: Path) -> None:
    config = tmp_path / "emulator.toml"
    config.write_text(f'control-secret = "{SECRET}"\n', "utf-8")
    with serve_emulator("--config", str(config)) as served:
        here = ("--url", served.url)
        known = {"EMULATOR_CONTROL_SECRET": SECRET}

        without = run_command("token", "list", *here)
        by_variable = run_command("token", "create", "x", *here, environment=known)
        by_flag = run_command("token", "list", *here, "--control-secret", SECRET)
        by_file = run_command("token", "list", *here, "--config", str(config))
        gone = run_command("token", "delete", "demo", *here, environment=known)
        alive = run_command("healthcheck", *here, environment=known)

    assert without.returncode == 2
    assert f"send the header {HEADER}" in without.stderr
    assert by_variable.stdout.strip() in by_flag.stdout
    assert by_file.stdout == by_flag.stdout
    assert gone.stdout == "deleted mytoken\n"
    assert alive.returncode == 0


@pytest.mark.parametrize(
    "secret", ["", "do not", "do;not", "do,not", 'do"not', "do\\not", "do\u00f1ot"]
)
def test_a_secret_that_no_cookie_could_carry_is_refused_unrepeated(secret: str) -> None:
    done = run_command("serve", "--port", "0", "--control-secret", secret)

    assert done.returncode == 2
    assert "takes printable ASCII" in done.stderr
    assert "do" not in done.stderr.replace("--control-secret", "")


# --- Pages of another origin -----------------------------------------------------


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedEmulator]:
    authority = tmp_path_factory.mktemp("tls") / "ca.pem"
    with serve_emulator("--tls-port", "0", "--tls-ca-file", str(authority)) as served:
        yield replace(served, ready={**served.ready, "ca": str(authority)})


def asked(url: str, served: ServedEmulator, origin: str) -> int:
    """Send a command to *url* as a page of *origin* would; return the status."""
    parts = urlsplit(url)
    context = ssl.create_default_context(cafile=served.ready["ca"])
    connection = (
        HTTPSConnection(parts.netloc, timeout=DEADLINE, context=context)
        if parts.scheme == "https"
        else HTTPConnection(parts.netloc, timeout=DEADLINE)
    )
    headers = {"Origin": origin, "Content-Type": "application/json"}
    with closing(connection):
        body = json.dumps({"name": "from a page"})
        connection.request("POST", "/_emulator/tokens", body, headers)
        return connection.getresponse().status


def names_of_tokens(served: ServedEmulator) -> list[str]:
    return [row["name"] for row in served.ask("GET", "/_emulator/tokens").body]


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "http://127.0.0.1",
        "http://127.0.0.1:1",
        "https://127.0.0.1:{port}",
        "ws://127.0.0.1:{port}",
        "127.0.0.1:{port}",
        "http://localhost:{port}",
        "http://127.0.0.1:{port}.evil.example",
        "http://evil.example:{port}",
        "{https}",
    ],
)
def test_a_page_of_another_origin_commands_nothing(
    served: ServedEmulator, origin: str
) -> None:
    before = names_of_tokens(served)
    known = {"port": served.address[1], "https": served.ready["https"]}

    assert asked(served.url, served, origin.format_map(known)) == 403
    assert names_of_tokens(served) == before


def test_a_page_of_our_own_commands(served: ServedEmulator) -> None:
    before = len(names_of_tokens(served))

    for url in (served.url, served.ready["https"]):
        assert asked(url, served, url) == 200

    assert asked(served.ready["https"], served, served.url) == 403
    assert len(names_of_tokens(served)) == before + 2


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "path",
    [
        *("/_emulator/clock", "/_emulator/metrics", "/_emulator/nothing"),
        *("/api/v1/user", SMS, "/docs", "/openapi.json", "/nowhere"),
    ],
)
@pytest.mark.parametrize("origin", ["http://evil.example", "null"])
def test_no_answer_lets_a_page_elsewhere_read_it(
    served: ServedEmulator, method: str, path: str, origin: str
) -> None:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,x-emulator-control",
        "Access-Control-Request-Private-Network": "true",
    }

    answer = served.ask(method, path, headers=headers)

    assert [name for name in answer.headers if name.startswith("access-control")] == []


def test_it_listens_on_this_machine_only_unless_it_is_told_otherwise() -> None:
    assert Settings().host == "127.0.0.1"
    assert "EMULATOR_HOST=0.0.0.0" in (ROOT / "Dockerfile").read_text("utf-8")
    assert "-p 127.0.0.1:" in (ROOT / "README.md").read_text("utf-8")


# --- How much it holds -------------------------------------------------------------

ONE = [{"cellphone": NUMBER}]
LETTER = [{"email": "ana@example.org"}]
ORDERS = {SMS: ONE, CLIC: ONE, VOICE: ONE, EMAIL: LETTER}


def sent(api: Api, path: str, count: int) -> Answer:
    return api.post(path, json=make_order(path, recipients=ORDERS[path] * count))


@pytest.mark.parametrize("path", ORDERS)
def test_a_full_world_sends_no_more_and_charges_nothing(path: str) -> None:
    with closing(make_limited_emulator(messages=5)) as api:
        for each in ORDERS:
            assert sent(api, each, 1).status == 200
        before = (
            run_control(api, "GET", "movements"),
            run_control(api, "GET", "campaigns"),
        )

        answer = sent(api, path, 2)

        assert (answer.status, answer.information) == (
            422,
            "El mundo del emulador no admite mas mensajes",
        )
        assert answer.headers["x-emulator-why"] == (
            "the world holds 4 of 5 messages (--max-messages); reset it, or use another"
        )
        after = (
            run_control(api, "GET", "movements"),
            run_control(api, "GET", "campaigns"),
        )
        assert after == before
        assert sent(api, path, 1).status == 200
        assert sent(api, path, 1).status == 422


def test_a_full_world_looks_nothing_up() -> None:
    with closing(make_limited_emulator(messages=1)) as api:
        assert api.get(f"/api/v3/hlr/{NUMBER}").status == 200
        balance = api.balance()

        assert api.get(f"/api/v3/hlr/{NUMBER}").status == 422
        assert api.balance() == balance


def test_a_refused_order_takes_no_room() -> None:
    with closing(make_limited_emulator(messages=1)) as api:
        assert api.post(SMS, json=make_order(SMS, route=1)).status == 422

        assert sent(api, SMS, 1).status == 200


def test_a_campaign_that_is_changed_takes_no_more_room() -> None:
    with closing(make_limited_emulator(messages=2)) as api:
        campaign = sent(api, SMS, 1).body["campaign"]
        run_control(api, "POST", f"campaigns/sms/{campaign}/pause")
        voice = sent(api, VOICE, 1).body["voice_campaign"]
        assert api.post(f"{VOICE}/{voice}/cancel").status == 200

        assert api.world.volume == 2


def test_every_world_has_room_of_its_own_and_a_fork_is_as_full() -> None:
    with closing(make_limited_emulator(messages=1)) as api:
        sent(api, SMS, 1)
        assert api.post(SMS, json=make_order(SMS), token="world-b").status == 200

        run_control(api, "POST", "world/fork", json={"name": "c"})

        assert api.post(SMS, json=make_order(SMS), token="world-c").status == 422


def test_a_flag_says_how_many_messages_a_world_holds() -> None:
    with serve_emulator("--max-messages", "1") as served:
        body = json.dumps(make_order(SMS))
        assert [served.ask("POST", SMS, body).status for _ in range(2)] == [200, 422]


def test_a_command_is_as_large_as_a_snapshot_may_be() -> None:
    small, large = {"push_url": "http://x"}, {"push_url": "http://" + "x" * 1000}
    with closing(make_limited_emulator(snapshot=1000)) as api:
        assert send_control(api, "PATCH", "account", json=small).status == 200

        answer = send_control(api, "PATCH", "account", json=large)

        assert answer.status == 413
        assert "1000 bytes" in answer.body["title"]
        assert "snapshot_limit" in answer.body["detail"]
        people = [{"cellphone": NUMBER, "name": "x" * 100}] * 20
        assert api.post(SMS, json=make_order(SMS, recipients=people)).status == 200


def test_a_flag_says_how_large_a_snapshot_may_be() -> None:
    with serve_emulator("--snapshot-limit", "100", "--body-limit", "50") as served:
        blanks = b" " * 60
        assert served.ask("PATCH", "/_emulator/account", blanks + b"{}").status == 200
        assert served.ask("POST", SMS, blanks).status == 413
        assert served.ask("PATCH", "/_emulator/account", blanks * 2).status == 413


def test_an_account_has_so_many_tokens(api: Api) -> None:
    many = [Token("x", f"x{number}", START, START) for number in range(MAX_ITEMS - 1)]
    keep_changes(api.world, *many)

    answer = send_control(api, "POST", "tokens", json={"name": "x"})

    assert answer.status == 422
    assert (
        answer.body["title"]
        == f"The field tokens may not have more than {MAX_ITEMS} items"
    )
    run_control(api, "DELETE", "tokens/x0")
    run_control(api, "POST", "tokens", json={"name": "x"})


def test_an_account_knows_so_many_handsets(make_api: MakeApi) -> None:
    crowd = [
        {"cellphone": f"55{number:08d}", "outcome": "failed"}
        for number in range(MAX_ITEMS)
    ]
    api = make_api(handsets=crowd)
    path, other = f"handsets/{crowd[0]['cellphone']}", f"handsets/{NUMBER}"

    assert send_control(api, "PUT", other, json={"outcome": "busy"}).status == 422
    assert api.account.population.get_outcome(int(NUMBER)) is Outcome.SENT
    run_control(api, "PUT", path, json={"outcome": "busy"})
    run_control(api, "DELETE", "account/" + path)
    run_control(api, "PUT", other, json={"outcome": "busy"})


def test_every_list_of_a_world_file_has_that_bound() -> None:
    schema = files.read_cached_yaml(files.WORLD_SCHEMA)
    lists = [
        each for each in schema["properties"].values() if each.get("type") == "array"
    ]

    assert len(lists) == 13
    assert {each["maxItems"] for each in lists} <= {MAX_ITEMS, 100}  # 100 of profiles
