"""Where the emulator calls, and where it never does, whatever is allowed beside."""

import ast
import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from errno import ECONNREFUSED
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

import emulator
from emulator.client import Emulator
from emulator.client.forwarder import make_forwarder
from emulator.client.listener import PushListener
from emulator.client.shown import Fact
from emulator.command import doctor
from emulator.domain.targets import (
    FORBIDDEN_NAMES,
    FORBIDDEN_NETWORKS,
    PRIVATE_NETWORKS,
    AllowedTargets,
    IpAddress,
    extract_ipv4,
    find_host_objection,
    find_target_mistake,
)
from emulator.network.resolver import ForbiddenTargetError, dial_host, resolve_host
from emulator.serving.standby import Standby
from tests.support.emulator import Api, set_examples
from tests.support.processes import run_command
from tests.support.servers import open_world, write_reply

ALL = ("*", "0.0.0.0/0", "::/0", "169.254.169.254", "metadata.google.internal")
# Source: the clouds' own documentation of their instance metadata services.
METADATA = [
    *("169.254.169.254", "169.254.170.2", "169.254.170.23", "169.254.0.23"),
    *("169.254.0.1", "169.254.42.42", "fd00:ec2::254", "fd00:ec2::23"),
    *("fd20:ce::254", "fd00:c1::a9fe:a9fe", "fd00:42::42", "fe80::a9fe:a9fe"),
    *("fe80::1%eth0", "100.100.100.200", "168.63.129.16", "192.0.0.192"),
    *("fd12:3456::a9fe:a9fe", "224.0.0.1", "ff02::1", "255.255.255.255"),
]
FORBIDDEN = [ip_address(each.partition("%")[0]) for each in METADATA]
FIXED = set_examples(60)

# Every way to write an IPv4 address as an IPv6 one. Source: RFC 4291, 2765, 6052, 8215,
# 3056, 4380, 5214.
FORMS: dict[str, Callable[[int, int], int]] = {
    "mapped": lambda v4, _: 0xFFFF << 32 | v4,
    "compatible": lambda v4, _: v4,
    "translated": lambda v4, _: 0xFFFF << 48 | v4,
    "NAT64": lambda v4, _: 0x0064_FF9B << 96 | v4,
    "local NAT64": lambda v4, _: 0x0064_FF9B_0001 << 80 | v4,
    "local NAT64, at 56": lambda v4, _: (
        0x0064_FF9B_0001 << 80 | (v4 >> 24) << 64 | (v4 & 0xFF_FFFF) << 32
    ),
    "local NAT64, at 64": lambda v4, _: 0x0064_FF9B_0001 << 80 | v4 << 24,
    "local NAT64, in the middle": lambda v4, more: (
        0x0064_FF9B_0001 << 80
        | (v4 >> 16) << 64
        | (v4 & 0xFFFF) << 40
        | more & 0xFF_FFFF_FFFF
    ),
    "6to4": lambda v4, more: 0x2002 << 112 | v4 << 80 | more,
    "Teredo, its server": lambda v4, more: (
        0x2001_0000 << 96 | v4 << 64 | more & 0xFFFF_FFFF_FFFF_FFFF
    ),
    "Teredo, its client": lambda v4, more: (
        0x2001_0000 << 96 | (more & 0xFFFF_FFFF) << 64 | v4 ^ 0xFFFF_FFFF
    ),
    "ISATAP": lambda v4, more: (
        0x2001_0DB8 << 96 | (more & 0xFFFF_FFFF) << 64 | 0x5EFE << 32 | v4
    ),
}


@pytest.mark.manual("MOP-08", "KEY-08", "SMP-09")
@pytest.mark.parametrize("address", METADATA)
def test_where_clouds_keep_their_secrets_is_never_called(address: str) -> None:
    for targets in (
        AllowedTargets(),
        AllowedTargets(ALL),
        AllowedTargets((address.partition("%")[0],)),
    ):
        said = targets.find_objection("meta", address)
        assert said == f"{address} is never called: it may hold a cloud's secrets"


@pytest.mark.parametrize("form", FORMS)
@FIXED
@given(data=st.data(), more=st.integers(0, 2**80 - 1))
def test_nor_is_it_in_any_other_form(form: str, data: Any, more: int) -> None:
    never_called = [each for each in FORBIDDEN if isinstance(each, IPv4Address)]
    link_local = st.integers(int(IPv4Address("169.254.0.0")), 0xA9FE_FFFF)
    v4 = data.draw(st.sampled_from([*map(int, never_called)]) | link_local)

    address = IPv6Address(FORMS[form](v4, more))

    assert AllowedTargets(ALL).find_objection("meta", str(address)), address


@pytest.mark.parametrize("form", ["mapped", "translated", "NAT64"])
@FIXED
@given(st.integers(0x0A00_0000, 0x0AFF_FFFF))
def test_what_is_near_is_near_in_other_forms_too(form: str, v4: int) -> None:
    assert (
        AllowedTargets().find_objection("near", str(IPv6Address(FORMS[form](v4, 0))))
        == ""
    )


@FIXED
@given(st.ip_addresses())
def test_each_address_is_judged_without_a_mistake(
    address: IPv4Address | IPv6Address,
) -> None:
    said = AllowedTargets(("*",)).find_objection("a", str(address))

    assert bool(said) == bool(find_host_objection(str(address)))
    if any(address in each for each in FORBIDDEN_NETWORKS):
        assert said


@pytest.mark.parametrize("name", sorted(FORBIDDEN_NAMES))
def test_their_names_are_not_called_whatever_they_lead_to(name: str) -> None:
    wide = "".join(chr(ord(each) + 0xFEE0) if each != "." else each for each in name)
    other = name.replace(".", "\u3002")
    for spelling in (name, name.upper(), f"{name}.", wide, other):
        assert AllowedTargets(("*",)).find_objection(spelling, "127.0.0.1"), spelling


@pytest.mark.manual("MOP-08")
@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.9.9.9", "::1", "10.1.2.3", "172.17.0.1", "192.168.1.1"),
        *("fd12::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::", "fd20:cf::254"),
        "0.0.0.0",  # noqa: S104 - called, not listened on
    ],
)
def test_this_machine_and_private_networks_are_open(address: str) -> None:
    assert AllowedTargets().find_objection("here", address) == ""


# Every row of IANA's registries of special-purpose addresses that is not globally
# reachable, and whether it is this machine or a private network. Python's
# ``is_private`` answers differently with each version.
# Source: iana-ipv4-special-registry, iana-ipv6-special-registry.
REGISTERED = {
    "0.0.0.0/32": True,
    "0.0.0.1/32": False,  # this network, which nobody calls
    "0.255.255.255/32": False,
    "10.0.0.0/8": True,
    "100.64.0.0/10": False,  # shared by the customers of a carrier
    "127.0.0.0/8": True,
    "172.16.0.0/12": True,
    "192.0.0.0/28": False,  # protocol assignments
    "192.0.0.170/31": False,
    "192.0.2.0/24": False,  # documentation
    "192.168.0.0/16": True,
    "198.18.0.0/15": False,  # benchmarking; some proxies let all names lead there
    "198.51.100.0/24": False,
    "203.0.113.0/24": False,
    "240.0.0.0/5": False,  # reserved
    "::/128": True,
    "::1/128": True,
    "100::/64": False,  # discard
    "2001:2::/48": False,
    "2001:10::/28": False,
    "2001:20::/28": False,
    "2001:db8::/32": False,
    "3fff::/20": False,
    "5f00::/16": False,
    "fc00::/8": True,
    "fdff::/16": True,
    "fec0::/10": False,  # site-local, which RFC 3879 has ended
}


@pytest.mark.parametrize("registered", REGISTERED)
def test_private_is_what_the_registries_call_private(registered: str) -> None:
    network, targets = ip_network(registered), AllowedTargets()
    for address in (network[0], network[-1]):
        said = targets.find_objection("there", str(address))
        assert (said == "") is REGISTERED[registered], address


@FIXED
@given(st.ip_addresses())
def test_what_is_near_stands_in_one_table(address: IPv4Address | IPv6Address) -> None:
    meant: list[IpAddress] = [*extract_ipv4(address)] or [address]
    is_near = all(
        any(each in network for network in PRIVATE_NETWORKS) for each in meant
    )

    assert (AllowedTargets().find_objection("a", str(address)) == "") is (
        is_near and not find_host_objection(str(address))
    )


@pytest.mark.manual("MOP-08")
@pytest.mark.parametrize(
    ("allowed", "goes"),
    [
        ((), False),
        (("*",), True),
        (("example.org",), True),
        (("EXAMPLE.org.",), True),
        (("hooks.example.org",), True),
        (("xample.org",), False),
        (("org.example",), False),
        (("93.184.216.34",), True),
        (("93.184.216.0/24",), True),
        (("93.184.217.0/24",), False),
        (("2606:2800::/32",), False),
    ],
)
def test_others_are_allowed_by_name_or_network(
    allowed: tuple[str, ...], *, goes: bool
) -> None:
    objection = AllowedTargets(allowed).find_objection(
        "hooks.example.org", "93.184.216.34"
    )

    assert (objection == "") == goes
    if not goes:
        assert "--push-allow hooks.example.org" in objection


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("*.example.com", "write example.com, which all names below it are in"),
        ("10.0.0.0/33", "is no network: write one such as 203.0.113.0/24"),
        ("a/24", "is no network"),
        ("http://x", "without scheme, port and path"),
        ("example.com:443", "without scheme, port and path"),
        ("a b", "without scheme, port and path"),
        ("-a.example", "without scheme, port and path"),
        ("a..b", "without scheme, port and path"),
        ("**", "without scheme, port and path"),
        ("10.0.0.0/8/8", "is no network"),
        ("", "write example.com without"),
        ("999", "without scheme, port and path"),
        ("1.2.3", "without scheme, port and path"),
        ("256.1.1.1", "without scheme, port and path"),
        ("0x7f.1", "without scheme, port and path"),
        ("\u00f1.example", "without scheme, port and path"),
    ],
)
def test_what_means_nothing_is_told_so(text: str, advice: str) -> None:
    said = find_target_mistake(text)

    assert said is not None
    assert said.startswith(f"{text} is no ")
    assert advice in said


@pytest.mark.parametrize("text", ["169.254.169.254", "metadata.google.internal"])
def test_what_is_never_called_cannot_be_allowed(text: str) -> None:
    assert find_target_mistake(text) == (
        f"{text} is never called: it may hold a cloud's secrets"
    )


@pytest.mark.parametrize(
    "text",
    ["*", "example.com", "EXAMPLE.com.", "localhost", "203.0.113.0/24", "203.0.113.9",
     "2001:db8::/32", "[2001:db8::1]", "a_b.example"],
)  # fmt: skip
def test_what_means_something_is_taken(text: str) -> None:
    assert find_target_mistake(text) is None


def test_it_ends_the_start_with_that_sentence() -> None:
    done = run_command(
        "serve", "--port", "0", "--push-allow", "fine.example,*.example.com"
    )

    assert done.returncode == 2
    assert done.stderr.endswith(
        "*.example.com is no host: write example.com, which all names below it are in\n"
    )


# --- Whatever dials out ----------------------------------------------------------


@pytest.fixture
def lead(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let every name lead to addresses: ``lead("169.254.169.254", "127.0.0.1")``."""

    def lead(*addresses: str) -> None:
        async def look_up(_loop: Any, _host: str, port: int, **_kinds: Any) -> Any:
            return [(0, socket.SOCK_STREAM, 6, "", (each, port)) for each in addresses]

        monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", look_up)

    return lead


FORBIDDEN_ONES = ("169.254.169.254", "fd20:ce::254")


@given(st.permutations([*FORBIDDEN_ONES, "127.0.0.1", "10.0.0.1", "93.184.216.34"]))
@set_examples(60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_name_is_judged_by_each_address_that_it_leads_to(
    lead: Callable[..., None], found: list[str]
) -> None:
    lead(*found)
    near = [each for each in found if each in {"127.0.0.1", "10.0.0.1"}]

    assert asyncio.run(resolve_host(AllowedTargets(), "two.example", 80)) == near

    lead(*FORBIDDEN_ONES)
    with pytest.raises(ForbiddenTargetError, match="may hold a cloud's secrets"):
        asyncio.run(resolve_host(AllowedTargets(ALL), "two.example", 80))


async def tried(
    monkeypatch: pytest.MonkeyPatch, answers: dict[str, OSError | None]
) -> list[str]:
    """Dial *answers*' addresses and return those that were tried."""
    asked: list[str] = []

    async def connect(
        _loop: Any, protocol: Callable[[], Any], address: str, *_: Any, **_tls: Any
    ) -> Any:
        asked.append(address)
        if error := answers[address]:
            raise error
        return None, protocol()

    monkeypatch.setattr(asyncio.BaseEventLoop, "create_connection", connect)
    try:
        await dial_host(AllowedTargets(), asyncio.Protocol, "many.example", 80)
    finally:
        answers.clear()
        answers |= dict.fromkeys(asked)
    return asked


def test_its_addresses_are_tried_in_turn_and_only_those_that_may_be(
    monkeypatch: pytest.MonkeyPatch, lead: Callable[..., None]
) -> None:
    lead("10.0.0.1", "169.254.169.254", "10.0.0.2", "93.184.216.34", "10.0.0.3")
    away = OSError(113, "No route to host")
    answers = {"10.0.0.1": away, "10.0.0.2": None, "10.0.0.3": None}

    assert asyncio.run(tried(monkeypatch, answers)) == ["10.0.0.1", "10.0.0.2"]


@pytest.mark.parametrize("refusing", ["10.0.0.1", "10.0.0.2", "10.0.0.3"])
def test_where_none_answers_it_says_who_refused(
    monkeypatch: pytest.MonkeyPatch, lead: Callable[..., None], refusing: str
) -> None:
    there = ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
    lead(*there)
    answers: dict[str, OSError | None] = {
        each: ConnectionRefusedError() if each == refusing else OSError(113, "away")
        for each in there
    }

    with pytest.raises(ConnectionRefusedError):
        asyncio.run(tried(monkeypatch, answers))
    assert list(answers) == there


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "fd20:ce::254", "Metadata.Google.internal."]
)
def test_no_outbind_goes_there(api: Api, host: str) -> None:
    called: list[Any] = []
    api.worlds.bind_outbound = called.append

    answer = api.post("/_emulator/smpp/outbind", json={"host": host, "port": 80})

    assert answer.status == 422
    assert answer.body["detail"] == (
        f"{host} is never called: it may hold a cloud's secrets"
    )
    assert called == []


@pytest.mark.parametrize(
    ("target", "allowed", "url", "verdict"),
    [
        ("http://169.254.169.254/", (), "", "forbidden"),
        ("http://[fd20:ce::254]/", (), "", "forbidden"),
        ("http://127.0.0.1:1/", (), "http://93.184.216.34:1/", "forbidden"),
        ("http://127.0.0.1:1/", (), "http://169.254.169.254/", "forbidden"),
        (
            "http://127.0.0.1:1/",
            ("*",),
            "http://metadata.google.internal/",
            "forbidden",
        ),
        ("http://127.0.0.1:1/", (), "file:///etc/passwd", "forbidden"),
        ("http://127.0.0.1:1/", (), "http://127.0.0.1:1/", "refused"),
        ("http://far.example:1/", (), "http://far.example:1/", "refused"),
        ("http://127.0.0.1:1/", ("far.example",), "http://far.example:1/", "refused"),
    ],
)
def test_what_a_listener_forwards_is_judged(  # noqa: PLR0913, PLR0917 - a table
    monkeypatch: pytest.MonkeyPatch,
    lead: Callable[..., None],
    target: str,
    allowed: tuple[str, ...],
    url: str,
    verdict: str,
) -> None:
    if "far.example" in url:
        lead("93.184.216.34")

    async def refuse(*_: Any, **_tls: Any) -> Any:
        raise ConnectionRefusedError

    monkeypatch.setattr(asyncio.BaseEventLoop, "create_connection", refuse)
    operation = "keywordPush" if url else "moPush"
    push = Fact(operation=operation, method="GET", url=url, parameters="a=1")

    said = make_forwarder(target, print, allowed=allowed)(push)

    assert said.verdict == verdict, said


@pytest.fixture
def remote() -> Iterator[Emulator]:
    with (
        closing(Standby("demo")) as standby,
        Emulator(standby.url) as server,
        open_world(server) as world,
    ):
        yield world


def test_a_refused_one_is_told_to_the_emulator(remote: Emulator) -> None:
    remote.add_item("keywords", keyword="hi", response_url="http://93.184.216.34/")
    with PushListener(remote, make_forwarder("http://127.0.0.1:1/", print)):
        write_reply(remote, "hi", "5512345678")

    (attempt,) = remote.find_deliveries(kind="keywordPush")[0].attempts
    assert attempt.verdict == "forbidden"
    assert "allow it with --push-allow 93.184.216.34" in attempt.explanation


def test_what_doctor_knocks_at_is_judged(
    monkeypatch: pytest.MonkeyPatch, lead: Callable[..., None]
) -> None:
    knocked: list[Any] = []

    async def connect(_loop: Any, _protocol: Any, *where: Any, **_tls: Any) -> Any:
        knocked.append(where)
        raise ConnectionRefusedError(ECONNREFUSED, "no")

    monkeypatch.setattr(asyncio.BaseEventLoop, "create_connection", connect)
    lead("169.254.169.254")
    assert "a cloud's secrets" in doctor.explain_unreachable("localhost", 80)
    assert knocked == []

    lead("169.254.169.254", "127.0.0.1")
    assert doctor.explain_unreachable("localhost", 80) == "Connection refused"
    assert knocked == [("127.0.0.1", 80)]


# --- Nobody else dials out -------------------------------------------------------

# What opens a connection, sends a datagram, looks a name up or starts a program.
DIALLING = {
    *("create_connection", "open_connection", "open_unix_connection"),
    *("create_unix_connection", "create_datagram_endpoint", "sock_connect", "connect"),
    *("connect_ex", "sendto", "sock_sendto", "sendmsg", "getaddrinfo", "gethostbyname"),
    *("gethostbyname_ex", "gethostbyaddr", "getnameinfo", "getfqdn", "urlopen"),
    *("urlretrieve", "HTTPConnection", "HTTPSConnection", "create_subprocess_exec"),
    *("create_subprocess_shell", "subprocess_exec", "subprocess_shell", "system"),
    *("Popen", "popen", "check_output", "check_call", "posix_spawn", "SysLogHandler"),
    *("HTTPHandler", "SocketHandler", "DatagramHandler", "SMTPHandler"),
}
LIBRARIES = {
    *("http.client", "urllib.request", "ftplib", "imaplib", "poplib", "smtplib"),
    *("nntplib", "telnetlib", "xmlrpc.client", "subprocess", "webbrowser", "requests"),
    *("httpx", "httpx2", "aiohttp", "urllib3", "websockets", "httpcore", "pycurl"),
    *("multiprocessing.connection",),
}
# Who may, and why; all others have to ask ``resolver.dial``.
MAY: dict[tuple[str, str], str] = {
    (
        "network.resolver",
        "create_connection",
    ): "the gate, to an address that it has judged",
    ("network.resolver", "getaddrinfo"): "the gate",
    ("client.transport", "http.client"): "a command, to the emulator that it is for",
    ("client.transport", "HTTPConnection"): "the same",
    ("client.transport", "HTTPSConnection"): "the same",
    ("client.transport", "connect"): "the same",
    ("serving.listeners", "getaddrinfo"): "where it listens, which it does itself",
    ("store.database_file", "connect"): "SQLite, a file",
    ("store.file_state", "connect"): "SQLite, a file",
    ("command.backup", "connect"): "SQLite, a file",
    ("command.backup", "http.client"): "the errors of a command's client",
    ("command.doctor", "urllib.request"): "which proxies are set; it asks nobody",
}


def dialled(source: str) -> Iterator[str]:
    """Yield what of ``DIALLING`` and ``LIBRARIES`` a module names."""
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            names = [module, *(f"{module}.{each.name}" for each in node.names)]
            names += [each.name for each in node.names if each.name in DIALLING]
        elif isinstance(node, ast.Attribute):
            names = [node.attr] if node.attr in DIALLING else []
        elif isinstance(node, ast.Name):
            names = [node.id] if node.id in DIALLING else []
        elif isinstance(node, ast.Call):
            given = [each.value for each in node.args if isinstance(each, ast.Constant)]
            is_import = ast.unparse(node.func).endswith(("import_module", "__import__"))
            names = [str(each) for each in given] if is_import else []
        yield from (each for each in names if each in DIALLING | LIBRARIES)


def test_whoever_dials_out_asks_the_gate() -> None:
    home = Path(emulator.__file__).parent
    found = {
        (".".join(path.relative_to(home).with_suffix("").parts), name)
        for path in home.rglob("*.py")
        for name in dialled(path.read_text("utf-8"))
    }

    assert found == MAY.keys()


@pytest.mark.parametrize(
    "source",
    [
        "import socket\nsocket.create_connection(('a', 1))",
        "from socket import create_connection",
        "from asyncio import open_connection as begin",
        "import urllib.request as asking",
        "from urllib import request",
        "from http.client import HTTPSConnection",
        "import_module('subprocess').run('curl')",
        "async def f(loop): await loop.sock_connect(None, ('a', 1))",
        "line.connect(('a', 1))",
        "dial = getattr(loop, 'x', loop.create_connection)",
    ],
)
def test_a_new_way_out_is_seen(source: str) -> None:
    assert [*dialled(source)]
