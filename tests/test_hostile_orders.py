"""Whatever JSON, and whatever octets, are posted: the platform answers."""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import strategies as st

from tests.support.emulator import Api, make_emulator, set_examples
from tests.support.orders import (
    CLIC,
    LAST_SECOND,
    NUMBER,
    ORDERS,
    SENDING,
    SMS,
    VOICE,
    count_campaigns,
    make_order,
)

ENDLESS = 10**24
EVERYWHERE = pytest.mark.parametrize("path", ORDERS)

NASTY: Sequence[Any] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2,
    3,
    4,
    87,
    87.0,
    0.1,
    -0.0,
    1e308,
    5e-324,
    float("nan"),
    float("inf"),
    2**31,
    2**53 + 1,
    2**63,
    2**64,
    ENDLESS,
    10**400,
    "",
    "\0",
    "\ud800",
    "\udfff",
    "1",
    "4",
    "87",
    "٤",
    NUMBER,
    NUMBER + "\n",
    LAST_SECOND,
    "1000-01-01 00:00:00",
    "<+B+>" * 60,
    "<+DYNAMICSHORTURL_X+>",
    "http://x",
    "ana@example.org",
    "\U0001f4a9" * 200,
    [],
    [[]],
    {},
    {"cellphone": NUMBER},
)
NAMES = sorted(
    {name for body in ORDERS.values() for name in body}
    | {"country", "encode", "encode_2", "encode_3", "long_message", "scheduled_date"}
    | {"scheduledDate", "audio", "transfer_num", "transfer_key", "messages", "message"}
    | {"campaigns", "from", "to", "image", "header", "attachment", "sender", "Type"}
    | {"Template", "Image", "Audio", "Text", "Sender", "cellphone", "email", "name"}
    | {"field1", "field4"}
)
names = st.sampled_from(NAMES) | st.text(max_size=4)
values = st.recursive(
    st.sampled_from(NASTY) | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=6)
    ),
    max_leaves=12,
)
Step = str | int


def places(node: Any, path: tuple[Step, ...] = ()) -> Iterator[tuple[Step, ...]]:
    """Yield the way to every value in *node*, itself included."""
    yield path
    if isinstance(node, dict | list):
        pairs = node.items() if isinstance(node, dict) else enumerate(node)
        for step, each in pairs:
            yield from places(each, (*path, step))


@st.composite
def mutated(draw: st.DrawFn, path: str) -> Any:
    """Return the order for *path* with up to four values changed or taken away."""
    body: Any = make_order(path)
    for _ in range(draw(st.integers(0, 4))):
        *way, last = draw(st.sampled_from([each for each in places(body) if each]))
        owner = body
        for step in way:
            owner = owner[step]
        if draw(st.booleans()):
            owner[last] = deepcopy(draw(values))  # or it would grow from draw to draw
        elif len(owner) > 1:
            del owner[last]
    for name in draw(st.lists(st.sampled_from(NAMES), max_size=3)):
        body[name] = deepcopy(draw(values))
    return body


def survives(api: Api, path: str, content: bytes) -> None:
    """Fail unless the answer is one of the platform's and its campaign can be read."""
    before = count_campaigns(api)

    answer = api.post(path, content=content)

    assert answer.status in {200, 400, 422}
    placed = answer.status == 200 and path in SENDING
    assert count_campaigns(api) == before + placed
    if answer.status != 200:
        assert list(answer.body) == ["error"]
        assert answer.body["error"]["status_code"] == answer.status
        assert answer.information
    elif path in {SMS, CLIC}:
        readable(api, f"/api/v3/campaign/{answer.body['campaign']}/messages")
    elif path == VOICE:
        readable(api, f"/api/v3/voice/{answer.body['voice_campaign']}")


def readable(api: Api, path: str) -> None:
    """Fail unless the campaign can be read now and when it is under way."""
    first = api.get(path)
    api.clock.advance(minutes=1)
    second = api.get(path)
    assert (first.status, second.status) == (200, 200)


# A machine that is busy makes orders slowly.
FUZZED = set_examples(40, suppress_health_check=[HealthCheck.too_slow])


@EVERYWHERE
@given(value=values)
@FUZZED
def test_any_json_is_answered(path: str, value: Any) -> None:
    content = json.dumps(value).encode()

    for strict in (False, True):
        with closing(make_emulator(strict=strict)) as api:
            survives(api, path, content)


@EVERYWHERE
@given(draws=st.data())
@FUZZED
def test_any_order_that_is_nearly_right_is_answered(
    path: str, draws: st.DataObject
) -> None:
    content = json.dumps(draws.draw(mutated(path))).encode()

    for strict in (False, True):
        with closing(make_emulator(strict=strict)) as api:
            survives(api, path, content)


@EVERYWHERE
@given(cut=st.integers(0, 400), octets=st.binary(max_size=6), length=st.integers(0, 6))
@example(cut=0, octets=b"\xef\xbb\xbf", length=0)
@FUZZED
def test_any_octets_are_answered(
    path: str, cut: int, octets: bytes, length: int
) -> None:
    whole = json.dumps(make_order(path)).encode()
    content = whole[:cut] + octets + whole[cut + length :]

    with closing(make_emulator()) as api:
        survives(api, path, content)
