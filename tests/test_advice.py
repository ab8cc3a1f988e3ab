"""What the command line, the doctor and the files say is wrong: whole sentences."""

import json
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from emulator.client.forwarder import make_forwarder
from emulator.client.inprocess import InProcessTransport
from emulator.client.line import ClientError
from emulator.client.shown import Fact
from emulator.client.transport import ClientRequest, ServerDisconnected, SocketTransport
from emulator.command import doctor, options, remote
from emulator.command.doctor import DiagnosisTarget
from emulator.serving import composition, listeners, processes, server
from emulator.serving.settings import ServeError, Settings
from emulator.timekeeping.clock import Clock
from emulator.worldfile.fixture import FixtureError, parse_fixture
from tests.support.emulator import START, read_demo_world

URL = "http://127.0.0.1:7672"


# --- The doctor --------------------------------------------------------------


class Told(DiagnosisTarget):
    """A patient whose emulator answers from a table."""

    __slots__ = ()

    def get_json(self, what: str, world: str | None = None, **_query: Any) -> Any:
        answer = ANSWERS[what]
        if isinstance(answer, Exception):
            raise answer
        found: Any = json.loads(json.dumps(answer), object_hook=Fact)
        assert world in {None, "demo"}
        return found


ANSWERS: dict[str, Any] = {}
FINE: Mapping[str, Any] = {
    "worlds": [{"name": name, "tokens": [name]} for name in ("demo", "b", "c", "d")],
    "clock/pending": {"rate": 0, "now": "18:00", "pending": []},
    "account": {},
    "deliveries": {"deliveries": []},
    "readyz": {"host": "here"},
}


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Return what asks the doctor about an emulator that answers so."""

    def ask(
        *, reason: Mapping[int, str] = {}, proxies: Any = None, **answers: Any
    ) -> list[str]:
        more = {
            key: answers.pop(key) for key in DiagnosisTarget._fields if key in answers
        }
        patient = Told(**{"url": URL, **more})
        names = {each.replace("_", "/", 1): it for each, it in answers.items()}
        ANSWERS.clear()
        ANSWERS.update({**FINE, **names})
        monkeypatch.setattr(doctor, "node", lambda: "here")
        monkeypatch.setattr(
            doctor, "explain_unreachable", lambda _, port: reason.get(port, "")
        )
        monkeypatch.setattr(doctor, "getproxies_environment", lambda: proxies or {})
        return list(doctor.find_problems(patient))

    return ask


def test_all_is_well(ask: Callable[..., list[str]]) -> None:
    assert ask() == []
    assert ask(token="demo", world="demo") == []
    assert ask(clock_pending={"rate": 1, "now": "", "pending": [{"at": 1}]}) == []


def test_a_proxy_stands_between(ask: Callable[..., list[str]]) -> None:
    assert ask(proxies={"http": "http://proxy:3128"}) == [
        (
            "http_proxy is set and no_proxy does not name 127.0.0.1, so "
            "that most clients "
            "ask the proxy instead of the emulator: export no_proxy=127.0.0.1"
        )
    ]
    assert ask(proxies={"https": "http://proxy:3128"}) == []


def test_nothing_answers(ask: Callable[..., list[str]]) -> None:
    nobody, refused = ClientError("nobody"), {7672: "Connection refused"}
    start = (
        f"nothing answers at {URL} (Connection refused): "
        "start smsclouds-emulator serve, or say with --url where it is"
    )

    assert ask(worlds=nobody, reason=refused) == [start]
    assert ask(worlds=nobody, reason=refused, smpp_port=2775) == [
        start,
        (
            "port 2775 of 127.0.0.1, which serve wants for SMPP, is taken: "
            "start it with another --smpp-port, where 0 is a free one and none is none"
        ),
    ]
    assert ask(worlds=nobody, reason={**refused, 2775: "no"}, smpp_port=2775) == [start]
    assert ask(worlds=nobody) == [
        (
            "port 7672 of 127.0.0.1 is taken by something that is no "
            "emulator: stop it, "
            "or start the emulator with another --port and say so with --url"
        )
    ]
    assert ask(worlds=ClientError("Secret: send it", 401)) == [
        f"the emulator at {URL} refuses: Secret: send it"
    ]


def test_the_world_or_the_token_is_another(ask: Callable[..., list[str]]) -> None:
    assert ask(world="nowhere") == [
        "there is no world nowhere; there are demo, b, c and 1 more"
    ]
    assert ask(world="demo", token="b") == [
        (
            "the token opens world b and not demo: "
            "what is sent with it is seen with --world b"
        )
    ]
    assert ask(token="nobody") == [
        (
            "no world of this emulator knows the token, so that it is "
            "refused with 401: "
            "take demo or world-<any name>, or make one with "
            "smsclouds-emulator token create"
        )
    ]
    assert ask(token="world-new") == [
        (
            "nothing was sent with the token to this emulator: its first "
            "request opens a "
            "new and empty world new beside demo, b, c and 1 more"
        )
    ]


def test_a_clock_stands_and_is_waited_for(ask: Callable[..., list[str]]) -> None:
    pending = [{"event": "sent", "at": "18:00:11"}, {"event": "completed", "at": None}]
    stands = {"rate": 0, "now": "18:00", "pending": pending}

    assert ask(clock_pending=stands) == [
        (
            "the clock of world demo stands still at 18:00, and sent at "
            "18:00:11 waits for "
            "it, with 1 more: let it happen with smsclouds-emulator "
            "settle --world demo, "
            "or let the clock run by PUT /_emulator/clock"
        )
    ]


def test_pushes_find_nobody(ask: Callable[..., list[str]]) -> None:
    url = "http://localhost:3000/mo"
    keyword = {"push_url": "http://127.0.0.1/k", "response_url": "http://far.example/"}
    account = {"push_url": url, "keywords": [keyword]}
    reason = {3000: "Connection refused", 80: "Connection refused"}

    def nobody(where: str) -> str:
        return (
            f"pushes go to {where}, where nothing answers (Connection refused): "
            "start your server, or give the account the address where it is"
        )

    assert ask(account=account, reason=reason) == [
        nobody("http://127.0.0.1/k"),
        nobody(url),
    ]
    assert ask(account=account) == []
    elsewhere = {"host": "5f3c"}
    assert ask(account={"push_url": url}, readyz=elsewhere) == [
        (
            f"pushes go to {url}, but the emulator is on 5f3c, a container or another "
            "machine, whose localhost is its own: give the account "
            "http://host.docker.internal:3000/mo, or fetch the pushes with "
            f"smsclouds-emulator listen --forward-to {url}"
        )
    ]
    for verdict, says in (("accepted", 0), ("refused", 1)):
        tried = {"deliveries": [{"url": url, "attempts": [{"verdict": verdict}]}]}
        found = ask(account={"push_url": url}, readyz=elsewhere, deliveries=tried)
        assert len(found) == says


# --- Options and settings ----------------------------------------------------


@pytest.mark.parametrize(
    ("admit", "text", "says"),
    [
        (
            options.parse_clock_option,
            "x0",
            (
                "'x0' is not real, frozen, xN (x60: a minute a second) or an instant "
                "(2026-01-31T12:00:00Z)."
            ),
        ),
        (
            options.parse_secret_option,
            "a b",
            "takes printable ASCII without blanks, quotes, commas, ; and \\.",
        ),
        (
            options.parse_port_option,
            "65536",
            "'65536' is no port from 0 to 65535, and not none.",
        ),
        (
            options.parse_url_option,
            "localhost/mo",
            "'localhost/mo' is no address, such as http://localhost:3000/mo.",
        ),
    ],
)
def test_an_option_says_what_it_takes(
    admit: Callable[[str], Any], text: str, says: str
) -> None:
    with pytest.raises(click.BadParameter) as told:
        admit(text)

    assert told.value.message == says


def test_an_option_takes_what_it_says() -> None:
    taken = [
        options.parse_clock_option(each)
        for each in ("real", "x60", "2026-01-31T12:00:00Z")
    ]
    ports = [options.parse_port_option(each) for each in ("none", "0", "65535", 7)]

    assert taken == ["real", "x60", "2026-01-31T12:00:00Z"]
    assert ports == [None, 0, 65_535, 7]


def test_words_of_the_shell_say_what_they_take() -> None:
    with pytest.raises(click.BadParameter) as time:
        remote.parse_clock_move("soon")
    with pytest.raises(click.BadParameter) as word:
        remote.parse_rule_words(("500",))

    assert time.value.message == (
        "'soon' is not next, 90, 90s, 5m, 2h, 3d or 2026-01-31T12:00:00Z."
    )
    assert word.value.message == "'500' is not of the form status=500."


FILE = Path("file.pem")
AGREE = [
    (
        {"tls_cert": FILE},
        (
            "a certificate, its names, a key or a CA file needs --tls-port or "
            "--smpp-tls-port as well"
        ),
    ),
    (
        {"tls_port": 0, "tls_key": FILE},
        "--tls-key needs the certificate that it belongs to, as --tls-cert",
    ),
    (
        {"smpp_tls_port": 0, "tls_cert": FILE, "tls_ca_file": FILE},
        (
            "--tls-ca-file is for the CA of a certificate made on the spot; "
            "leave it out, or --tls-cert"
        ),
    ),
]


@pytest.mark.parametrize(("chosen", "says"), AGREE)
def test_settings_that_say_nothing_together_are_refused(
    chosen: Mapping[str, Any], says: str
) -> None:
    with pytest.raises(ServeError) as told:
        server._check_settings(Settings(**chosen))  # noqa: SLF001 - before a port is taken

    assert str(told.value) == says


@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"tls_port": 0},
        {"tls_port": 0, "tls_cert": FILE},
        {"smpp_tls_port": 0, "tls_ca_file": FILE},
        {"tls_port": 0, "tls_cert": FILE, "tls_key": FILE},
    ],
)
def test_settings_that_go_together_are_taken(chosen: Mapping[str, Any]) -> None:
    server._check_settings(Settings(**chosen))  # noqa: SLF001


def test_a_port_that_is_taken_says_which_flag_takes_another() -> None:
    with closing(listeners.open_listener("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(ServeError) as told:
            listeners.open_listener("127.0.0.1", port, "--smpp-port")

    assert str(told.value) == (
        f"cannot listen on 127.0.0.1:{port} (Address already in use); "
        "choose another --host or --smpp-port, where 0 takes a free one"
    )


def test_processes_say_what_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ServeError) as needs:
        processes.split_settings(Settings(processes=2, tls_port=0))
    monkeypatch.delattr("os.fork")
    with pytest.raises(ServeError) as told:
        processes.split_settings(Settings(processes=2))

    assert str(needs.value) == (
        "with --processes TLS needs --tls-cert, one certificate for them all"
    )
    assert str(told.value) == (
        "--processes needs a system that can fork, which this one cannot"
    )


# --- World files -------------------------------------------------------------


def test_a_directory_without_a_world_says_so(tmp_path: Path) -> None:
    with pytest.raises(FixtureError) as told:
        composition._find_world_files(str(tmp_path))  # noqa: SLF001

    assert str(told.value) == f"the directory {tmp_path} holds no world file (*.yaml)"


WORD = {"keyword": "Hola", "response": "x"}
MISTAKES = [
    (
        {"keywords": [WORD, {**WORD, "keyword": "hola"}]},
        "at keywords.1: two keywords are called hola",
    ),
    (
        {"binds": [{"system_id": "one"}, {"system_id": "one"}]},
        "at binds.1: two binds are called one",
    ),
    (
        {"refusals": {"TOO_LONG": {"es": "{nada} y {field}"}}},
        (
            "at refusals.TOO_LONG: the sentence of TOO_LONG knows field, limit, "
            "not ['nada']"
        ),
    ),
    (
        {"refusals": {"UNREADABLE": {"en": "{field}"}}},
        (
            "at refusals.UNREADABLE: the sentence of UNREADABLE knows no words, "
            "not ['field']"
        ),
    ),
    (
        {"name": None, "clock": "x2000000"},
        "in what it means: x2000000 is no rate of a clock; x1000000 is the fastest",
    ),
    (
        {"prices": {"voice": float("nan")}},
        "somewhere: .nan, a key that is no text, or a line break too many",
    ),
]


@pytest.mark.parametrize(("changes", "says"), MISTAKES)
def test_a_mistake_of_a_world_file_is_said_with_its_place(
    changes: Mapping[str, Any], says: str
) -> None:
    document = {**read_demo_world(), **changes}
    document = {name: each for name, each in document.items() if each is not None}

    with pytest.raises(FixtureError) as told:
        parse_fixture(document, "demo", now=START)

    assert str(told.value) == says


def test_a_file_that_no_world_could_be_called_after_says_so() -> None:
    document = {
        name: each for name, each in read_demo_world().items() if name != "name"
    }

    with pytest.raises(FixtureError) as told:
        parse_fixture(document, "a b", now=START)

    assert str(told.value) == (
        "in what it means: the file's name 'a b' is none of a world; set name:"
    )


def test_a_clock_does_not_go_back() -> None:
    with pytest.raises(ValueError, match=r"^time cannot go back by 0:00:01$"):
        Clock(at=START, rate=0).advance(timedelta(seconds=-1))


# --- A client in the process -------------------------------------------------

ASKED = ClientRequest("GET", "/x", {}, b"", 0.05)


def says(*messages: Mapping[str, Any], hangs: bool = False) -> ASGIApp:
    """Return an application that sends *messages*, and then may go on for ever."""

    async def answer(_scope: Scope, receive: Receive, send: Send) -> None:
        for each in messages:
            await send(dict(each))
        while hangs and (await receive())["type"] != "http.disconnect":
            pass

    return answer


def started(*, length: int = 0) -> Mapping[str, Any]:
    pairs = [(b"content-length", b"%d" % length)] if length else []
    return {"type": "http.response.start", "status": 200, "headers": pairs}


def body(octets: bytes, *, more: bool = False) -> Mapping[str, Any]:
    return {"type": "http.response.body", "body": octets, "more_body": more}


@pytest.mark.parametrize(
    ("application", "error", "says"),
    [
        (says(hangs=True), TimeoutError, "no answer within 0.05 s"),
        (says(), ServerDisconnected, "Remote end closed connection without response"),
        (says(started()), ServerDisconnected, "the answer ended after 0 bytes"),
        (
            says(started(), body(b"abc", more=True)),
            ServerDisconnected,
            "the answer ended after 3 bytes",
        ),
        (
            says(started(length=9), body(b"abc")),
            ServerDisconnected,
            "the answer ended after 3 bytes",
        ),
    ],
)
def test_an_answer_that_is_none_says_how(
    application: ASGIApp, error: type[Exception], says: str
) -> None:
    with (
        closing(InProcessTransport(application)) as transport,
        pytest.raises(error) as told,
    ):
        transport.send_request(ASKED)

    assert str(told.value) == says


def test_an_answer_that_is_whole_is_returned() -> None:
    with closing(
        InProcessTransport(says(started(length=9), body(b"abc" * 3)))
    ) as transport:
        answer = transport.send_request(ASKED)
        head = transport.send_request(ASKED._replace(method="HEAD"))

    assert (answer.status, answer.body, head.body) == (200, b"abc" * 3, b"abc" * 3)


def test_a_stream_that_is_silent_says_for_how_long() -> None:
    with closing(InProcessTransport(says(started(), hangs=True))) as transport:
        stream = transport.open_stream(ASKED)
        with pytest.raises(TimeoutError, match=r"^nothing came within 0\.05 s$"):
            list(stream)


def test_an_emulator_that_was_closed_says_so() -> None:
    transport = InProcessTransport(says(started(), hangs=True))
    stream = transport.open_stream(ASKED._replace(timeout=20))
    transport.close()

    with pytest.raises(ServerDisconnected, match=r"^the emulator was closed$"):
        list(stream)
    with pytest.raises(ConnectionRefusedError, match=r"^this emulator was closed$"):
        transport.send_request(ASKED)


def test_what_is_forwarded_to_nobody_says_so() -> None:
    report: list[str] = []
    perform = make_forwarder("http://127.0.0.1:9/mo", report.append)
    push = Fact(operation="moPush", method="GET", url="", parameters="a=1")

    said = perform(push)

    assert (said.verdict, said.explanation) == (
        "refused",
        "nothing listens on 127.0.0.1:9; is the receiver running?",
    )
    assert report == [
        (
            "moPush a=1 -> http://127.0.0.1:9/mo: refused: "
            "nothing listens on 127.0.0.1:9; is the receiver running? "
        )
    ]


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ConnectionResetError(), "ConnectionResetError"),
        (BrokenPipeError(32, "Broken pipe"), "[Errno 32] Broken pipe"),
    ],
)
def test_a_connection_that_breaks_says_how(
    monkeypatch: pytest.MonkeyPatch, error: OSError, says: str
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("http.client.HTTPConnection.connect", lambda _: None)
    monkeypatch.setattr("http.client.HTTPConnection.request", broken)

    with (
        closing(SocketTransport("http://127.0.0.1:9")) as line,
        pytest.raises(ServerDisconnected) as told,
    ):
        line.send_request(ASKED)

    assert str(told.value) == says
