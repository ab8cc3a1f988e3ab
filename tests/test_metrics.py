"""The figures for Prometheus, read by a grammar of the text format 0.0.4."""

import re
from collections.abc import Mapping
from typing import NamedTuple

import pytest

from emulator.operations.call import OperationCall
from emulator.operations.control.metrics import get_metrics
from tests.support.emulator import START, Api, make_emulator, run_control
from tests.support.orders import (
    CLIC,
    EMAIL,
    SMS,
    VOICE,
    make_clic,
    make_order,
    place_campaign,
)
from tests.support.servers import Receiver, ReceiverAnswer

TYPE = "text/plain; version=0.0.4; charset=utf-8"
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
VALUE = r'"(?:[^"\\\n]|\\["\\n])*"'
LABEL = rf"([a-zA-Z_][a-zA-Z0-9_]*)=({VALUE})"
HELP = re.compile(rf"# HELP ({NAME}) ((?:[^\\\n]|\\[\\n])+)")
KIND = re.compile(rf"# TYPE ({NAME}) (counter|gauge|histogram|summary|untyped)")
NUMBER = r"[0-9]+(?:\.[0-9]+)?(?:e[+-][0-9]+)?"
SAMPLE = re.compile(rf"({NAME})(?:\{{((?:{LABEL},?)*)\}})? ({NUMBER})")
PARTS = ("_bucket", "_sum", "_count")  # of a histogram
UNESCAPED = {r"\\": "\\", r"\"": '"', r"\n": "\n"}

Labels = frozenset[tuple[str, str]]


class Family(NamedTuple):
    kind: str
    samples: dict[Labels, float]  # the part of a histogram is a label without a name


def parsed(text: str) -> dict[str, Family]:
    """Return the families in *text*.  Fails where a line breaks the format."""
    assert text.endswith("\n")
    families: dict[str, Family] = {}
    lines = iter(text.removesuffix("\n").split("\n"))
    name, helped = "", ""
    for line in lines:
        if match := HELP.fullmatch(line):
            helped = match[1]
        elif match := KIND.fullmatch(line):
            name = match[1]
            assert name == helped, line
            assert name not in families, line
            families[name] = Family(match[2], {})
        else:
            match = SAMPLE.fullmatch(line)
            assert match, line
            labels = labelled(match[2] or "") | part(match[1], name, families[name])
            assert labels not in families[name].samples, line
            families[name].samples[labels] = float(match[5])
    return families


def part(sampled: str, name: str, family: Family) -> Labels:
    """Return which part of its family a sample is.  Fails for another family's."""
    if family.kind != "histogram":
        assert sampled == name
        return frozenset()
    suffix = sampled.removeprefix(name)
    assert suffix in PARTS, sampled
    return frozenset({("", suffix)})


def buckets(family: Family) -> dict[float, float]:
    """Return how many values there are up to each bound."""
    found = {}
    for labels, value in family.samples.items():
        named = dict(labels)
        if named[""] == "_bucket":
            found[float(named["le"])] = value
    return found


def labelled(text: str) -> Labels:
    pairs = re.findall(LABEL, text)
    assert ",".join(f"{name}={value}" for name, value in pairs) == text
    return frozenset(
        (name, re.sub(r"\\.", lambda each: UNESCAPED[each[0]], value[1:-1]))
        for name, value in pairs
    )


def metrics(api: Api) -> dict[str, Family]:
    answer = api.get("/_emulator/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"] == TYPE
    return parsed(answer.octets.decode())


def counted(api: Api, name: str) -> Mapping[tuple[str, ...], float]:
    """Return the samples of a family by the values of their labels, by name."""
    return {
        tuple(value for _, value in sorted(labels)): value
        for labels, value in metrics(api)[name].samples.items()
    }


def test_a_fresh_process_has_its_families_and_one_world(api: Api) -> None:
    told = metrics(api)

    assert {name: each.kind for name, each in told.items()} == {
        "smsclouds_requests_total": "counter",
        "smsclouds_connections": "gauge",
        "smsclouds_connections_turned_away_total": "counter",
        "smsclouds_messages_total": "counter",
        "smsclouds_faults_total": "counter",
        "smsclouds_worlds": "gauge",
        "smsclouds_deliveries_total": "counter",
        "smsclouds_delivery_lag_seconds": "histogram",
        "smsclouds_receipts_dropped_total": "counter",
        "smsclouds_unrecorded_total": "counter",
    }
    assert {name for name, each in told.items() if each.samples} == {
        "smsclouds_worlds",
        "smsclouds_connections",
        "smsclouds_connections_turned_away_total",
    }
    assert told["smsclouds_connections"].samples == {frozenset(): 0}
    assert told["smsclouds_worlds"].samples == {frozenset(): 1}


def test_requests_are_counted_by_operation_and_status(api: Api) -> None:
    for _ in range(2):
        place_campaign(api)
    api.post(SMS, json={})
    api.get("/api/v1/user", token="nobodys")
    api.get("/_emulator/clock")

    assert counted(api, "smsclouds_requests_total") == {
        ("createCampaign", "200"): 2,
        ("createCampaign", "422"): 1,
        ("getUser", "401"): 1,
    }


def test_messages_are_counted_by_channel_over_all_worlds(api: Api) -> None:
    people = [{"cellphone": "4498987282"}] * 3
    place_campaign(api, make_order(SMS, recipients=people))
    api.post(SMS, json=make_order(SMS), token="world-b")
    place_campaign(api, make_clic(), path=CLIC)
    api.post(VOICE, json=make_order(VOICE, recipients=people))
    api.post(EMAIL, json=make_order(EMAIL))
    api.get("/api/v3/hlr/4498987282")
    api.post("/_emulator/campaigns/sms/8528238/pause")

    assert counted(api, "smsclouds_messages_total") == {
        ("sms",): 4,
        ("smsclic",): 1,
        ("voice",): 3,
        ("email",): 1,
        ("hlr",): 1,
    }
    assert counted(api, "smsclouds_worlds") == {(): 2}


def test_what_a_deleted_world_counted_stays_counted(api: Api) -> None:
    api.post(SMS, json=make_order(SMS), token="world-b")
    before = counted(api, "smsclouds_messages_total")

    api.send("DELETE", "/_emulator/world", token="world-b")

    assert counted(api, "smsclouds_messages_total") == before == {("sms",): 1}
    assert counted(api, "smsclouds_worlds") == {(): 1}


@pytest.mark.parametrize("odd", ['a"b', "a\\b", "a\nb", "a\\nb", "ñ€", "a}b,c"])
def test_labels_are_escaped(odd: str) -> None:
    api = make_emulator()
    api.worlds.counters.faults[odd] += 2
    try:
        assert counted(api, "smsclouds_faults_total") == {(odd,): 2}
    finally:
        api.close()


def pushing(api: Api, receiver: Receiver, *lines: str) -> None:
    """Let a handset write so often, and all be told."""
    run_control(api, "PATCH", "account", json={"push_url": receiver.url})
    place_campaign(api)
    api.clock.advance(seconds=11)
    for line in lines:
        text = {"number": "4498987282", "text": line}
        run_control(api, "POST", "inbound", json=text)
    run_control(api, "POST", "clock/settle", json={})


def test_attempts_are_counted_by_kind_and_verdict(api: Api, receiver: Receiver) -> None:
    receiver.answer_with(
        ReceiverAnswer(500), ReceiverAnswer(200, "no"), ReceiverAnswer()
    )
    keyword = {"keyword": "hi", "response_url": receiver.url}
    run_control(api, "POST", "account/keywords", json=keyword)
    pushing(api, receiver, "a", "b", "c", "d", "hi")

    assert counted(api, "smsclouds_deliveries_total") == {
        ("keywordPush", "accepted"): 1,
        ("moPush", "bad_status"): 1,
        ("moPush", "not_ok"): 1,
        ("moPush", "accepted"): 3,
    }


def test_how_long_deliveries_took_is_told_in_seconds_of_the_world(
    api: Api, receiver: Receiver
) -> None:
    """Of one that came at once, one at the second try, and one that never came."""
    run_control(api, "PATCH", "account", json={"push_retries": [20]})
    receiver.answer_with(
        ReceiverAnswer(),
        ReceiverAnswer(500),
        ReceiverAnswer(500),
        ReceiverAnswer(),
        ReceiverAnswer(500),
    )
    pushing(api, receiver, "at once", "later", "never")

    lags = metrics(api)["smsclouds_delivery_lag_seconds"]
    told = buckets(lags)
    assert [*told] == sorted(told)
    assert [*told.values()] == sorted(told.values()), "each bucket holds those below"
    assert (told[0], told[5], told[30], told[float("inf")]) == (1, 1, 2, 2)
    assert lags.samples[frozenset({("", "_count")})] == 2
    assert lags.samples[frozenset({("", "_sum")})] == 20


def test_equal_figures_are_told_alike_whatever_came_first(api: Api) -> None:
    texts = []
    for channels in (["sms", "voice"], ["voice", "sms"]):
        api.worlds.counters.messages.clear()
        for channel in channels:
            api.worlds.counters.messages[channel] += 1
        entry = api.worlds.enter_without_token()
        call = OperationCall(START, entry.token, {}, [])
        texts.append(get_metrics(api.worlds, entry.world, call).body)

    assert texts[0] == texts[1]
