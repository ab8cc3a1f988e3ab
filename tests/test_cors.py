"""Pages of other origins: which may use the platform's API, and that no other may."""

import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from click import BadParameter
from starlette.routing import Route

from emulator.command import main
from emulator.web.cors import CorsPolicy, parse_cors_origins
from emulator.web.origins import PLATFORM_PREFIX
from tests.support.emulator import (
    Answer,
    Api,
    make_limited_emulator,
    read_contract,
    read_control,
)
from tests.support.orders import SMS, make_sms

APP = "http://localhost:5173"
EVIL = "https://evil.example"
HERE = "127.0.0.1:7672"
READABLE = "access-control-allow-origin"


def opened(listed: str) -> Api:
    api = make_limited_emulator()
    app: Any = api.app
    app.cors = CorsPolicy(parse_cors_origins(listed))
    return api


@pytest.fixture
def api() -> Iterator[Api]:
    with closing(opened(f"{APP}, https://App.example.com")) as api:
        yield api


def preflight(api: Api, path: str, origin: str, headers: str = "") -> Answer:
    asked = {
        "host": HERE,
        "origin": origin,
        "access-control-request-method": "POST",
        "sec-fetch-site": "cross-site",
    }
    if headers:
        asked["access-control-request-headers"] = headers
    return api.send_headers("OPTIONS", path, asked)


def said_of_cors(answer: Answer) -> dict[str, str]:
    return {
        name: value
        for name, value in answer.headers.items()
        if name.startswith("access-control-")
    }


def test_a_page_of_a_listed_origin_asks_first_and_then_reads_the_answer(
    api: Api,
) -> None:
    asked = preflight(api, SMS, APP, "authorization, content-type,x-request-id")
    sent = api.post(SMS, json=make_sms(), headers={"origin": APP})

    assert (asked.status, asked.octets) == (204, b"")
    assert said_of_cors(asked) == {
        "access-control-allow-origin": APP,
        "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
        "access-control-allow-headers": "authorization, content-type, x-request-id",
        "access-control-max-age": "600",
    }
    assert asked.headers["vary"] == sent.headers["vary"] == "Origin"
    assert "content-length" not in asked.headers
    assert sent.status == 200
    assert sent.headers[READABLE] == APP
    exposed = sent.headers["access-control-expose-headers"].split(", ")
    assert {"X-Emulator-Why", "X-Emulator-Notes", "Retry-After", "Date"} <= {*exposed}


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/api/v1/user", {}, 200),
        ("GET", "/api/v1/user", {"authorization": "Bearer nobody"}, 401),
        ("POST", "/api/v1/user", {}, 405),
        ("OPTIONS", "/api/v1/user", {}, 405),
        ("GET", "/api/nowhere", {}, 404),
        ("POST", SMS, {}, 400),
        ("GET", "/api/v1/user", {"x-emulator-fault": "status=503"}, 503),
    ],
)
def test_each_refusal_can_be_read_as_well(
    api: Api, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    sent = {"host": HERE, "authorization": "Bearer demo", "origin": APP, **headers}

    answer = api.send_headers(method, path, sent)

    assert answer.status == status
    assert answer.headers[READABLE] == APP


def test_origins_are_compared_as_browsers_write_them(api: Api) -> None:
    def is_readable(origin: str) -> bool:
        sent = {"host": HERE, "origin": origin}
        return READABLE in api.send_headers("GET", "/api/v1/user", sent).headers

    assert is_readable("https://app.example.com")
    assert is_readable("https://app.example.com:443")
    for other in (
        *(EVIL, "null", "", "http://app.example.com", "https://app.example.com:444"),
        *("https://x.app.example.com", "https://app.example.com.evil.example"),
        *("http://localhost", "http://localhost:51733", "http://127.0.0.1:5173"),
    ):
        assert not is_readable(other), other
        assert preflight(api, SMS, other).status == 405, other


def test_every_page_means_every_page_but_no_credentials() -> None:
    with closing(opened("*")) as api:
        for origin in (EVIL, "null", APP):
            assert preflight(api, SMS, origin).headers[READABLE] == "*"
            answer = api.get("/api/v1/user", headers={"origin": origin})
            assert answer.headers[READABLE] == "*"
            assert "access-control-allow-credentials" not in answer.headers


def doors(api: Api) -> Iterator[str]:
    """Yield a path for each route that is none of the platform's."""
    routes = [route.path for route in api.app.routes if isinstance(route, Route)]
    for each in (*read_control().group_by_path(), *routes, "/nowhere", "/panel/a/b"):
        assert not each.startswith(PLATFORM_PREFIX)
        yield re.sub(r"\{\w+\}", "1", each)


@pytest.mark.parametrize("listed", ["*", f"{APP},{EVIL}"])
def test_neither_the_control_api_nor_the_panel_is_opened_by_it(listed: str) -> None:
    with closing(opened(listed)) as api:
        paths = [*doors(api)]
        for path in paths:
            for origin in (APP, EVIL):
                asked = preflight(api, path, origin)
                sent = {"host": HERE, "origin": origin}
                answer = api.send_headers("POST", path, sent)
                assert asked.status != 204, path
                assert not said_of_cors(asked) | said_of_cors(answer), path
                # what may be fetched by any page changes nothing and is no secret
                assert answer.status in ((405, 403) if "asset" in path else (403,))
    assert len(paths) > 60


def test_another_host_stays_another_host() -> None:
    with closing(opened("*")) as api:
        sent = {"host": "evil.example", "origin": "http://evil.example"}
        answer = api.send_headers("GET", "/api/v1/user", sent)

    assert answer.status == 421
    assert not said_of_cors(answer)


def test_the_secret_of_the_control_api_is_no_header_of_such_a_page(api: Api) -> None:
    asked = preflight(api, SMS, APP, "authorization, X-Emulator-Control")

    assert asked.headers["access-control-allow-headers"] == "authorization"


@pytest.mark.parametrize(
    "named",
    ["a b", "a,,b", "a\r\nx: y", ",", "é", "a" * 65, ", ".join(["a" * 60] * 20)],
)
def test_names_of_headers_that_are_none_are_not_repeated(api: Api, named: str) -> None:
    asked = preflight(api, SMS, APP, named)

    assert asked.status == 204
    assert "access-control-allow-headers" not in asked.headers


@pytest.mark.manual("GEN-23")
def test_without_the_setting_no_page_of_another_origin_reads_anything() -> None:
    with closing(make_limited_emulator()) as api:
        for path in (
            *(each for each in read_contract().group_by_path()),
            "/api/nowhere",
        ):
            for origin in (APP, EVIL, f"http://{HERE}"):
                asked = preflight(api, path, origin, "authorization")
                answer = api.send_headers("GET", path, {"host": HERE, "origin": origin})
                assert asked.status in (404, 405)
                assert not said_of_cors(asked) | said_of_cors(answer)
                assert "vary" not in answer.headers


@pytest.mark.parametrize(
    "value",
    [
        *(
            "localhost:5173",
            "http://",
            "http://localhost:5173/app",
            "http://a b",
            "null",
        ),
        *("https://*.example.com", "http://u@a.example", "http://a.example?x", "1://a"),
    ],
)
def test_what_is_no_origin_ends_the_start(value: str) -> None:
    with pytest.raises(BadParameter, match="is no origin: write http://localhost:5173"):
        main.serve_command.make_context("serve", ["--cors-origin", f"{APP},{value}"])


def test_origins_of_applications_are_origins() -> None:
    listed = "capacitor://localhost, HTTP://LOCALHOST:5173,, http://[::1]:1,*"

    assert [*parse_cors_origins(listed)] == [
        "capacitor://localhost",
        "http://localhost:5173",
        "http://[::1]:1",
        "*",
    ]
