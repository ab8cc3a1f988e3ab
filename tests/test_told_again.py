"""A world that has been to the disk, in a snapshot or in a copy tells the same."""

import re
from collections.abc import Callable
from contextlib import closing
from difflib import unified_diff
from pathlib import Path

import pytest

from tests.support.emulator import Api, make_emulator, run_control
from tests.support.orders import HANDSETS, NUMBER, SMS, make_recipients, make_sms
from tests.support.smpp import open_smsc, pack_submit
from tests.support.transcripts import Scribe, ask_everything
from tests.support.worlds import fill_world, keep_worlds

LONG = [{"cellphone": f"55{index:08}", "name": "x"} for index in range(2_000)]
LINK = re.compile(r"https://mx4\.mx/\w+")  # in which there is the world


def lived(api: Api) -> None:
    """Let everything happen that leaves something."""
    fill_world(api)
    api.post(SMS, json=make_sms(recipients=LONG))
    api.post(SMS, content=b"{")
    api.post(SMS, json=make_sms(route=999))
    late = {"effect": {"push": "late", "seconds": 900}}
    run_control(api, "POST", "faults", json=late)
    api.post(SMS, json=make_sms(recipients=make_recipients(NUMBER, *HANDSETS)))
    with open_smsc(api) as smsc:
        caller = smsc.bind()
        for sequence, handset in enumerate(HANDSETS, start=2):
            caller.submit(sequence, handset, registered=1)
        caller.ask(pack_submit(30, "nobody"))
        run_control(api, "POST", "clock/advance", json={"seconds": 30})
    for text in ("si", "INFO", "no"):
        run_control(api, "POST", "inbound", json={"number": NUMBER, "text": text})
    run_control(api, "POST", "world/checkpoints", json={"name": "kept"})
    run_control(api, "POST", "clock/advance", json={"seconds": 5})


# What is the process's, and what happens at one instant in no order.
OF_THE_PROCESS = (
    *("metrics", "readyz", "backup", "smpp", "worlds", "world\n"),
    "world/checkpoints",
)
OF_NO_ORDER = ("clock/pending",)


def told(api: Api, *beside: str) -> list[str]:
    """Return what a world tells of itself, but for what is the process's."""
    scribe = Scribe(api)
    ask_everything(scribe)
    parts = scribe.text.split("\n> GET /_emulator/")
    left = (*OF_THE_PROCESS, *OF_NO_ORDER, *beside)
    found = "\n".join(each for each in parts if not each.startswith(left))
    return LINK.sub("...", found).splitlines()


def assert_same(before: list[str], after: list[str]) -> None:
    found = [*unified_diff(before, after, "before", "after", lineterm="", n=1)]
    assert not found, "\n".join(found[:60])


def test_a_process_that_begins_anew_tells_what_the_last_one_told(
    tmp_path: Path,
) -> None:
    with keep_worlds(tmp_path) as api:
        lived(api)
        before = told(api)

    with keep_worlds(tmp_path) as api:
        assert_same(before, told(api))


def snapshot(api: Api) -> str:
    document = run_control(api, "GET", "world/snapshot")
    run_control(api, "POST", "worlds", json={"name": "copy", "snapshot": document})
    return "world-copy"


def fork(api: Api) -> str:
    run_control(api, "POST", "world/fork", json={"name": "copy"})
    return "world-copy"


def checkpoint(api: Api) -> str:
    run_control(api, "POST", "world/checkpoints", json={"name": "now"})
    api.post(SMS, json=make_sms())
    run_control(api, "POST", "clock/advance", json={"seconds": 500})
    run_control(api, "POST", "world/checkpoints/now/restore")
    return api.token


@pytest.mark.parametrize("way", [snapshot, fork, checkpoint])
def test_a_copy_of_a_world_tells_what_it_told(way: Callable[[Api], str]) -> None:
    """But for its journal, which is of who asked, and for what its name is in."""
    beside = ("journal", "tokens", "world/snapshot")
    with closing(make_emulator()) as api:
        lived(api)
        before = told(api, *beside)
        api.token = way(api)

        assert_same(before, told(api, *beside))
