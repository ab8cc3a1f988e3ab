"""The control secret: kept nowhere as itself, guessed slowly, shown by a cookie."""

import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from emulator.serving import composition
from emulator.serving.settings import Settings
from emulator.web.control_secret import (
    FORGET_AFTER,
    FREE_GUESSES,
    MAX_ADDRESSES,
    MAX_WAIT,
    SESSION_TIME,
    GuessThrottle,
    SecretCheck,
    SecretGuard,
)
from emulator.world import secret_headers
from tests.support.browser import FORM
from tests.support.emulator import (
    Answer,
    Api,
    make_limited_emulator,
    read_control,
    send_control,
)
from tests.support.orders import NUMBER, SMS, make_order
from tests.support.processes import (
    DEADLINE,
    ROOT,
    ServedEmulator,
    run_command,
    serve_emulator,
)

SECRET = "Correct-Horse.battery~staple"
HEADER = "X-Emulator-Control"
NOW = datetime(2026, 3, 2, 18, 0, 0, tzinfo=UTC)
HERE = {"client": ("127.0.0.1", 1), "headers": [], "scheme": "http"}


def scope(client: str) -> dict[str, Any]:
    return {**HERE, "client": (client, 4711)}


def guess(
    guard: SecretGuard, said: str, at: float, client: str = "192.0.2.1"
) -> SecretCheck:
    return guard.check_guess(scope(client), said.encode(), at)


# --- Guessing --------------------------------------------------------------------


def test_who_guesses_waits_longer_for_each_guess_and_no_other_waits() -> None:
    guard, at, waits = SecretGuard(SECRET), 0.0, []
    for number in range(FREE_GUESSES + 9):
        assert guess(guard, f"wrong-{number}", at) == (False, 0)
        refused = guess(guard, SECRET, at)  # the right one has to wait as well
        waits.append(refused.wait)
        assert guess(guard, SECRET, at, "192.0.2.2") == (True, 0)
        assert refused.is_right is (refused.wait == 0)
        at += refused.wait

    free, slow = waits[: FREE_GUESSES - 1], waits[FREE_GUESSES - 1 :]
    assert set(free) == {0}
    assert slow == [1, 2, 4, 8, 16, 32, *[int(MAX_WAIT)] * 4][: len(slow)]
    assert guess(guard, SECRET, at) == (True, 0)


def test_who_waits_is_not_held_up_further_by_trying_meanwhile() -> None:
    guard = SecretGuard(SECRET)
    for number in range(FREE_GUESSES):
        guess(guard, f"wrong-{number}", 0.0)

    for _ in range(1_000):
        assert guess(guard, "wrong", 0.25) == (False, 1)
    assert guess(guard, SECRET, 1.0) == (True, 0)


def test_a_wrong_setting_that_is_said_again_and_again_costs_seconds_only() -> None:
    guard, at = SecretGuard(SECRET), 0.0
    for _ in range(100):
        refused = guess(guard, "of yesterday", at)
        assert refused.wait <= 1
        at += 0.5
    assert guess(guard, SECRET, at + 1) == (True, 0)


def test_an_hour_later_nothing_is_remembered() -> None:
    guard = SecretGuard(SECRET)
    for number in range(FREE_GUESSES):
        guess(guard, f"wrong-{number}", 0.0)
    later = FORGET_AFTER + 1.0

    for number in range(FREE_GUESSES - 1):
        assert guess(guard, f"again-{number}", later) == (False, 0)
    assert guess(guard, SECRET, later) == (True, 0)


def test_what_is_remembered_of_addresses_has_a_bound() -> None:
    throttle = GuessThrottle()
    for number in range(MAX_ADDRESSES + 50):
        address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        for index in range(FREE_GUESSES):
            throttle.record_wrong_guess(address, b"%d" % index, 0.0)

    assert len(throttle._found) == MAX_ADDRESSES  # noqa: SLF001 - nothing else shows it
    assert throttle.find_wait(address, 0.0) > 0  # the latest are remembered
    assert throttle.find_wait("10.0.0.0", 0.0) == 0


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("", "192.0.2.1", False),
    ],
)
def test_a_client_is_an_address_or_a_network_of_ipv6(
    one: str, other: str, *, is_same: bool
) -> None:
    throttle = GuessThrottle()
    for index in range(FREE_GUESSES):
        throttle.record_wrong_guess(one, b"%d" % index, 0.0)

    assert (throttle.find_wait(other, 0.0) > 0) is is_same
    assert throttle.find_wait(one, 0.0) > 0


@pytest.fixture
def guarded() -> Iterator[Api]:
    with closing(make_limited_emulator(secret=SECRET)) as api:
        yield api


def enter(api: Api, secret: str, **headers: str) -> Answer:
    sent = {name.replace("_", "-"): value for name, value in headers.items()} | FORM
    content = f"secret={quote(secret)}".encode()
    return api.post("/panel/enter", content=content, token="", headers=sent)


def test_api_and_panel_count_together_and_say_when_to_try_again(guarded: Api) -> None:
    cookie = enter(guarded, SECRET).headers["set-cookie"].partition(";")[0]
    for number in range(FREE_GUESSES):
        if number % 2:
            assert enter(guarded, f"wrong-{number}").status == 401
        else:
            wrong = {HEADER: f"wrong-{number}"}
            assert send_control(guarded, "GET", "clock", headers=wrong).status == 401

    api = send_control(guarded, "GET", "clock", headers={HEADER: SECRET})
    page = enter(guarded, SECRET, accept_language="es")

    assert (api.status, page.status) == (429, 429)
    assert api.headers["content-type"] == "application/problem+json"
    assert api.headers["retry-after"] == page.headers["retry-after"] == "1"
    assert api.body["title"] == "Too many wrong secrets: wait 1 s"
    assert api.body["detail"] == "wait 1 s, and send the right secret then"
    assert "espere 1 s." in page.octets.decode()
    assert SECRET not in page.octets.decode()
    # Who has entered, and who asks for no command, is not held up.
    assert (
        send_control(guarded, "GET", "clock", headers={"cookie": cookie}).status == 200
    )
    assert guarded.get("/", token="", headers={"cookie": cookie}).status == 200
    assert send_control(guarded, "GET", "healthz").status == 200
    assert guarded.get("/api/v1/user").status == 200
    assert send_control(guarded, "GET", "clock").status == 401


def test_no_secret_at_all_is_no_guess(guarded: Api) -> None:
    for headers in ({}, {HEADER: ""}, {"cookie": "emulator_control=1.2"}):
        for _ in range(3 * FREE_GUESSES):
            assert send_control(guarded, "GET", "clock", headers=headers).status == 401

    assert send_control(guarded, "GET", "clock", headers={HEADER: SECRET}).status == 200


# --- Who has entered -------------------------------------------------------------


def test_a_session_is_signed_and_ends() -> None:
    guard, twin = SecretGuard(SECRET), SecretGuard(SECRET)
    value = guard.make_session(NOW).encode()
    expiry, _, signature = value.partition(b".")
    last = NOW + SESSION_TIME - timedelta(seconds=1)

    assert guard.is_session(value, NOW)
    assert twin.is_session(value, last)  # of another process, or after a start
    assert not guard.is_session(value, NOW + SESSION_TIME)
    assert not SecretGuard("another").is_session(value, NOW)
    for forged in (
        *(b"", b".", b"x", SECRET.encode(), expiry, expiry + b".", b"." + signature),
        b"%d.%b" % (int(expiry) + 1, signature),
        b"9999999999." + signature,
        b"99999999999999999999." + signature,
        "١٢.".encode() + signature,
        value[:-1],
        value + b"0",
        value.upper() if value.upper() != value else value[::-1],
    ):
        assert not guard.is_session(forged, NOW), forged


def test_a_cookie_says_nothing_of_the_secret_and_is_bound_as_far_as_can_be(
    guarded: Api,
) -> None:
    plain = enter(guarded, SECRET).headers["set-cookie"]
    host, origin = "localhost:7672", "https://localhost:7672"
    ended = enter(
        guarded, SECRET, host=host, origin=origin, sec_fetch_site="same-origin"
    )
    secure = ended.headers["set-cookie"]

    for cookie in (plain, secure):
        assert SECRET not in cookie
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
        assert "Domain" not in cookie
        pair = {"cookie": cookie.partition(";")[0]}
        assert guarded.get("/", token="", headers=pair).status == 200
    assert plain.startswith("emulator_control=")
    assert "Secure" not in plain
    assert secure.startswith("__Host-emulator_control=")
    assert "Secure" in secure.split("; ")


@pytest.mark.parametrize(
    ("settings", "said", "name", "path"),
    [
        (
            {"public_url": "https://sms.example.com/sms"},
            {},
            "__Secure-emulator_control",
            "/sms/",
        ),
        ({"public_url": "https://sms.example.com"}, {}, "__Host-emulator_control", "/"),
        ({"public_url": "http://sms.example.com/a"}, {}, "emulator_control", "/a/"),
        (
            {"trusted_proxy": "127.0.0.1"},
            {"x-forwarded-proto": "https"},
            "__Host-emulator_control",
            "/",
        ),
        (
            {"trusted_proxy": "127.0.0.1"},
            {"x-forwarded-proto": "https", "x-forwarded-prefix": "/sms"},
            "__Secure-emulator_control",
            "/sms/",
        ),
        ({}, {"x-forwarded-proto": "https"}, "emulator_control", "/"),
    ],
)
def test_tls_that_a_proxy_ends_counts(
    guarded: Api,
    settings: Mapping[str, Any],
    said: Mapping[str, str],
    name: str,
    path: str,
) -> None:
    app: Any = guarded.app
    app.proxies = composition.make_proxy_rules(Settings(**settings))

    answer = guarded.post(
        "/panel/enter",
        content=f"secret={SECRET}".encode(),
        token="",
        headers={"host": "127.0.0.1:7672", **said, **FORM},
    )

    pair, *rest = answer.headers["set-cookie"].split("; ")
    assert pair.startswith(f"{name}=")
    assert f"Path={path}" in rest
    assert ("Secure" in rest) is name.startswith("__")
    assert answer.headers["location"] == path


# --- Where it must not be --------------------------------------------------------


def forms_of(secret: str) -> list[bytes]:
    """Return what the secret would look like where it stands."""
    whole = secret.encode()
    encoded = quote(secret, safe="").encode()
    halves = (whole[: len(whole) // 2], whole[len(whole) // 2 :])
    return [whole, encoded, whole.hex().encode(), *halves]


def answers_of(served: ServedEmulator, cookie: str) -> Iterator[tuple[str, bytes]]:
    """Ask for whatever there is with the secret in each place that may carry one."""
    known = {HEADER: SECRET, "Cookie": f"emulator_control={SECRET}; {cookie}"}
    everywhere = known | {"Proxy-Authorization": f"Basic {SECRET}"}
    for method, path, body in (
        ("POST", SMS, "{"),
        ("POST", SMS, '{"text": 1}'),
        ("GET", "/api/v1/user", None),
        ("GET", "/api/nowhere", None),
        ("PUT", "/api/v1/user", None),
        ("GET", "/panel/nowhere", None),
        ("POST", "/panel/do/nothing", ""),
        ("GET", "/_emulator/nowhere", None),
        ("GET", "/s/nothing", None),
        ("GET", "/", None),
    ):
        answer = served.ask(method, path, body, headers=everywhere)
        yield f"{method} {path}", said_by(answer)
    faulty = {**everywhere, "X-Emulator-Fault": "status=599"}
    yield "a fault", said_by(served.ask("GET", "/api/v1/user", headers=faulty))
    hostile = {**everywhere, "Host": "evil.example"}
    yield "a host", said_by(served.ask("GET", "/panel/clock", headers=hostile))
    foreign = {**everywhere, "Origin": "https://evil.example"}
    yield "an origin", said_by(served.ask("GET", "/panel/clock", headers=foreign))
    for operation in read_control().operations.values():
        if operation.method == "GET" and not operation.id.startswith("stream"):
            path = operation.path.replace("{cellphone}", NUMBER)
            path = re.sub(r"\{(\w+)\}", "1", path)
            yield operation.id, said_by(served.ask("GET", path, headers=known))
    for page in ("requests", "request?number=1", "request?number=2", "account", "smpp"):
        answer = served.ask("GET", f"/panel/{page}", headers=known)
        yield page, said_by(answer)
    yield "a snapshot", said_by(served.ask("GET", "/panel/snapshot", headers=known))


def said_by(answer: Answer) -> bytes:
    return str(answer.headers).encode() + answer.octets


def entered(served: ServedEmulator) -> tuple[str, bytes]:
    """Enter the panel; return the cookie and all that was answered."""
    connection = HTTPConnection(*served.address, timeout=DEADLINE)
    with closing(connection):
        connection.request("POST", "/panel/enter", f"secret={quote(SECRET)}", FORM)
        response = connection.getresponse()
        said = str(response.getheaders()).encode() + response.read()
        assert response.status == 303
        return response.getheader("Set-Cookie", "").partition(";")[0], said


def test_a_secret_that_is_planted_everywhere_is_found_nowhere(tmp_path: Path) -> None:
    """In files, log, journal, answers, metrics: as itself, encoded or in part."""
    environment = {"EMULATOR_CONTROL_SECRET": SECRET}
    data, ready = tmp_path / "data", tmp_path / "ready"
    found: dict[str, bytes] = {}
    flags = ("--data", str(data), "--log-level", "debug")
    with serve_emulator(*flags, environment=environment) as served:
        cookie, found["enter"] = entered(served)
        found |= dict(answers_of(served, cookie))
        served.ask("POST", SMS, str(make_order(SMS)), headers={HEADER: SECRET})
        here = ("--url", served.url)
        for words in (
            ("doctor", *here),
            ("token", "list", *here),
            ("healthcheck", *here),
            ("fault", "nonsense=1", *here),
        ):
            done = run_command(*words, environment=environment)
            found[" ".join(words)] = (done.stdout + done.stderr).encode()
        ready.write_text(str(served.ready))
        found["what it announces"] = served.announced.encode()
        served.process.terminate()
        served.process.wait(DEADLINE)
        found["the log"] = served.log.read_bytes()
    files = [each for each in tmp_path.rglob("*") if each.is_file()]
    found |= {each.name: each.read_bytes() for each in files}

    assert any(each.name.endswith(".sqlite") for each in files)
    assert len(found) > 50
    guilty = [
        (place, form)
        for place, octets in found.items()
        for form in forms_of(SECRET)
        if form in octets
    ]
    assert guilty == []
    session = cookie.partition("=")[2].encode()
    assert [place for place, octets in found.items() if session in octets] == ["enter"]
    assert any(b"****" in octets for octets in found.values())


@pytest.mark.parametrize(
    "words",
    [
        ("serve", "--control-secret", f"{SECRET} {SECRET}"),
        ("serve", "--control-secret", SECRET, "--port", "x"),
        ("serve", "--control-secret", SECRET, "--port", "0", "--tls-key", __file__),
        ("token", "list", "--url", "http://127.0.0.1:1", "--control-secret", SECRET),
        ("doctor", "--url", "http://127.0.0.1:1", "--control-secret", SECRET),
    ],
)
def test_no_mistake_of_the_command_line_repeats_it(words: tuple[str, ...]) -> None:
    done = run_command(*words)

    assert done.returncode
    for form in forms_of(SECRET):
        assert form not in (done.stdout + done.stderr).encode()


def test_a_wrong_configuration_does_not_repeat_it(tmp_path: Path) -> None:
    config = tmp_path / "emulator.toml"
    for content in (
        f'control_secret = "{SECRET} x"',
        f'control_secret = "{SECRET}"\nport = 70000',
        f'control_secret = "{SECRET}\n',
        f'control_secret = ["{SECRET}", "{SECRET}"]',
        f'control_secret = {{a = "{SECRET}"}}',
    ):
        config.write_text(content, "utf-8")
        done = run_command("serve", "--config", str(config))
        assert done.returncode == 2
        for form in forms_of(SECRET):
            assert form not in (done.stdout + done.stderr).encode(), content


def test_a_compose_file_passes_it_on() -> None:
    """As one that drops it leaves open what its operator has closed."""
    files = [ROOT / "compose.yaml", *(ROOT / "deploy").rglob("compose*.yaml")]

    assert len(files) > 1
    for each in files:
        text = each.read_text("utf-8")
        assert "EMULATOR_CONTROL_SECRET: ${EMULATOR_CONTROL_SECRET:-}" in text, each


def test_what_is_kept_of_it_is_a_hash(guarded: Api) -> None:
    guard = SecretGuard(SECRET)
    guard.make_session(NOW)

    assert SECRET.encode() not in str(vars(guard)).encode()
    assert send_control(guarded, "GET", "clock", headers={HEADER: SECRET}).status == 200


def test_headers_are_masked_by_name_whatever_their_letters() -> None:
    headers = [
        (b"Cookie", b"a=b"),
        (b"x-emulator-control", b"x"),
        (b"X-Emulator-Control", b"y"),
        (b"authorization", b"Bearer demo"),
        (b"x-mine", b"z"),
    ]

    assert secret_headers.mask_unkept_headers(headers) == [
        (b"Cookie", b"****"),
        (b"x-emulator-control", b"****"),
        (b"X-Emulator-Control", b"****"),
        (b"authorization", b"Bearer demo"),
        (b"x-mine", b"z"),
    ]
