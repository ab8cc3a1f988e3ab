"""Where the emulator calls, and where it never does, whatever is allowed beside."""

import asyncio
import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.domain.targets import NEVER, NEVER_NAMES, Targets, never, wrong_target
from emulator.resolver import ForbiddenTargetError, resolve
from tests.command import run
from tests.emulated import Api

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
FIXED = settings(derandomize=True, deadline=None, max_examples=60)

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
    for targets in (Targets(), Targets(ALL), Targets((address.partition("%")[0],))):
        said = targets.objection("meta", address)
        assert said == f"{address} is never called: it may hold a cloud's secrets"


@pytest.mark.parametrize("form", FORMS)
@FIXED
@given(data=st.data(), more=st.integers(0, 2**80 - 1))
def test_nor_is_it_in_any_other_form(form: str, data: Any, more: int) -> None:
    never_called = [each for each in FORBIDDEN if isinstance(each, IPv4Address)]
    link_local = st.integers(int(IPv4Address("169.254.0.0")), 0xA9FE_FFFF)
    v4 = data.draw(st.sampled_from([*map(int, never_called)]) | link_local)

    address = IPv6Address(FORMS[form](v4, more))

    assert Targets(ALL).objection("meta", str(address)), address


@pytest.mark.parametrize("form", ["mapped", "translated", "NAT64"])
@FIXED
@given(st.integers(0x0A00_0000, 0x0AFF_FFFF))
def test_what_is_near_is_near_in_other_forms_too(form: str, v4: int) -> None:
    assert Targets().objection("near", str(IPv6Address(FORMS[form](v4, 0)))) == ""


@FIXED
@given(st.ip_addresses())
def test_each_address_is_judged_without_a_mistake(
    address: IPv4Address | IPv6Address,
) -> None:
    said = Targets(("*",)).objection("a", str(address))

    assert bool(said) == bool(never(str(address)))
    if any(address in each for each in NEVER):
        assert said


@pytest.mark.parametrize("name", sorted(NEVER_NAMES))
def test_their_names_are_not_called_whatever_they_lead_to(name: str) -> None:
    wide = "".join(chr(ord(each) + 0xFEE0) if each != "." else each for each in name)
    other = name.replace(".", "\u3002")
    for spelling in (name, name.upper(), f"{name}.", wide, other):
        assert Targets(("*",)).objection(spelling, "127.0.0.1"), spelling


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
    assert Targets().objection("here", address) == ""


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
    objection = Targets(allowed).objection("hooks.example.org", "93.184.216.34")

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
    said = wrong_target(text)

    assert said is not None
    assert said.startswith(f"{text} is no ")
    assert advice in said


@pytest.mark.parametrize("text", ["169.254.169.254", "metadata.google.internal"])
def test_what_is_never_called_cannot_be_allowed(text: str) -> None:
    assert wrong_target(text) == (
        f"{text} is never called: it may hold a cloud's secrets"
    )


@pytest.mark.parametrize(
    "text",
    ["*", "example.com", "EXAMPLE.com.", "localhost", "203.0.113.0/24", "203.0.113.9",
     "2001:db8::/32", "[2001:db8::1]", "a_b.example"],
)  # fmt: skip
def test_what_means_something_is_taken(text: str) -> None:
    assert wrong_target(text) is None


def test_it_ends_the_start_with_that_sentence() -> None:
    done = run("serve", "--port", "0", "--push-allow", "fine.example,*.example.com")

    assert done.returncode == 2
    assert done.stderr.endswith(
        "*.example.com is no host: write example.com, which all names below it are in\n"
    )


# --- Whatever dials out ----------------------------------------------------------


def test_a_name_is_judged_by_each_address_that_it_leads_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = [("169.254.169.254", 80), ("fd20:ce::254", 80), ("127.0.0.1", 80)]

    async def look_up(*_args: Any, **_kinds: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", each) for each in found]

    async def resolved() -> str:
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "getaddrinfo", look_up, raising=False)
        return await resolve(Targets(), "two.example", 80)

    assert asyncio.run(resolved()) == "127.0.0.1"
    del found[2]
    with pytest.raises(ForbiddenTargetError, match="may hold a cloud's secrets"):
        asyncio.run(resolved())


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "fd20:ce::254", "Metadata.Google.internal."]
)
def test_no_outbind_goes_there(api: Api, host: str) -> None:
    called: list[Any] = []
    api.worlds.dial = called.append

    answer = api.post("/_emulator/smpp/outbind", json={"host": host, "port": 80})

    assert answer.status == 422
    assert answer.body["detail"] == (
        f"{host} is never called: it may hold a cloud's secrets"
    )
    assert called == []
