"""The figures for Prometheus, read by a grammar of the text format 0.0.4."""

import re
from collections.abc import Mapping
from typing import NamedTuple

import pytest

from emulator.operations.call import Call
from emulator.operations.metrics import get_metrics
from tests.campaigns import a_clic, place
from tests.emulated import START, Api, emulated
from tests.orders import CLIC, EMAIL, SMS, VOICE, order

TYPE = "text/plain; version=0.0.4; charset=utf-8"
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
VALUE = r'"(?:[^"\\\n]|\\["\\n])*"'
LABEL = rf"([a-zA-Z_][a-zA-Z0-9_]*)=({VALUE})"
HELP = re.compile(rf"# HELP ({NAME}) ((?:[^\\\n]|\\[\\n])+)")
KIND = re.compile(rf"# TYPE ({NAME}) (counter|gauge|histogram|summary|untyped)")
SAMPLE = re.compile(rf"({NAME})(?:\{{((?:{LABEL},?)*)\}})? ([0-9]+(?:\.[0-9]+)?)")
UNESCAPED = {r"\\": "\\", r"\"": '"', r"\n": "\n"}

Labels = frozenset[tuple[str, str]]


class Family(NamedTuple):
    kind: str
    samples: dict[Labels, float]


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
            assert match[1] == name, line
            labels = labelled(match[2] or "")
            assert labels not in families[name].samples, line
            families[name].samples[labels] = float(match[5])
    return families


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
        "smsclouds_messages_total": "counter",
        "smsclouds_faults_total": "counter",
        "smsclouds_worlds": "gauge",
        "smsclouds_deliveries_total": "counter",
        "smsclouds_delivery_lag_seconds": "histogram",
    }
    assert {name for name, each in told.items() if each.samples} == {"smsclouds_worlds"}
    assert told["smsclouds_worlds"].samples == {frozenset(): 1}


def test_requests_are_counted_by_operation_and_status(api: Api) -> None:
    for _ in range(2):
        place(api)
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
    place(api, order(SMS, recipients=people))
    api.post(SMS, json=order(SMS), token="world-b")
    place(api, a_clic(), path=CLIC)
    api.post(VOICE, json=order(VOICE, recipients=people))
    api.post(EMAIL, json=order(EMAIL))
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
    api.post(SMS, json=order(SMS), token="world-b")
    before = counted(api, "smsclouds_messages_total")

    api.send("DELETE", "/_emulator/world", token="world-b")

    assert counted(api, "smsclouds_messages_total") == before == {("sms",): 1}
    assert counted(api, "smsclouds_worlds") == {(): 1}


@pytest.mark.parametrize("odd", ['a"b', "a\\b", "a\nb", "a\\nb", "ñ€", "a}b,c"])
def test_labels_are_escaped(odd: str) -> None:
    api = emulated()
    api.worlds.tally.faults[odd] += 2
    try:
        assert counted(api, "smsclouds_faults_total") == {(odd,): 2}
    finally:
        api.close()


def test_equal_figures_are_told_alike_whatever_came_first(api: Api) -> None:
    texts = []
    for channels in (["sms", "voice"], ["voice", "sms"]):
        api.worlds.tally.messages.clear()
        for channel in channels:
            api.worlds.tally.messages[channel] += 1
        entry = api.worlds.visit()
        call = Call(START, entry.token, {}, [])
        texts.append(get_metrics(api.worlds, entry.world, call).body)

    assert texts[0] == texts[1]
