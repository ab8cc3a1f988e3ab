"""Several processes of one command: their ports, their ends, their directories."""

import os
import signal
from dataclasses import replace
from pathlib import Path
from select import select
from typing import Any

import pytest

from emulator.client import Emulator
from emulator.serving.processes import LAST_PORT, split_settings
from emulator.serving.settings import ServeError, Settings
from tests.support.processes import (
    DEADLINE,
    is_heard,
    keep_busy,
    read_complaint,
    run_command,
    serve_processes,
    split_address,
)

COUNT = 3
SOON = 20.0  # seconds; only what hangs comes near


def test_each_has_ports_and_worlds_of_its_own(tmp_path: Path) -> None:
    with serve_processes(tmp_path) as (process, ready):
        places = [(each["http"], each["smpp"]) for each in ready["processes"]]
        assert len({port for each in places for port in each}) == 2 * COUNT
        assert ready["pid"] == process.pid
        assert ready["http"] == places[0][0]

        for index, (url, smpp) in enumerate(places):
            with Emulator(url) as emulator:
                emulator.create(f"only{index}")
                names = {each.name for each in emulator.worlds}
                assert names == {"demo", f"only{index}"}
                told = emulator.ask_fact("GET", "smpp")
                assert f"{told.host}:{told.port}" == smpp


def test_ports_that_are_given_follow_each_other() -> None:
    settings = Settings(port=7672, smpp_port=None, smpp_tls_port=0, processes=COUNT)

    parts = split_settings(replace(settings, tls_cert=Path("own.pem")))

    assert [each.port for each in parts] == [7672, 7673, 7674]
    assert {(each.smpp_port, each.smpp_tls_port) for each in parts} == {(None, 0)}


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_them_all_whatever_is_open(
    tmp_path: Path, sign: signal.Signals
) -> None:
    with serve_processes(tmp_path) as (process, ready):
        last = ready["processes"][-1]
        with keep_busy(split_address(last["http"]), split_address(last["smpp"])):
            process.send_signal(sign)
            assert process.wait(timeout=DEADLINE) == 0
        assert not any(
            is_heard(split_address(each["http"])) for each in ready["processes"]
        )
        assert process.stderr.read() == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("sign", "how"),
    [(signal.SIGKILL, "by signal SIGKILL"), (signal.SIGTERM, "with exit code 0")],
)
def test_where_one_ends_the_others_end_and_one_sentence_says_so(
    tmp_path: Path, sign: signal.Signals, how: str
) -> None:
    with serve_processes(tmp_path) as (process, ready):
        second = ready["processes"][1]
        os.kill(second["pid"], sign)

        assert process.wait(timeout=DEADLINE) == 2
        assert process.stderr.read() == (
            f"Error: process 2 of 3 (pid {second['pid']}, {second['http']}) ended by "
            f"itself, {how}; its worlds ended with it, so the others were stopped\n"
        )
        assert not any(
            is_heard(split_address(each["http"])) for each in ready["processes"]
        )


def test_none_outlives_the_one_that_started_it(tmp_path: Path) -> None:
    with serve_processes(tmp_path) as (process, ready):
        process.kill()
        process.wait(timeout=DEADLINE)
        # Its end comes when the last one that holds it has ended.
        ended, _, _ = select([process.stderr], [], [], SOON)
        for each in () if ended else ready["processes"]:
            os.kill(each["pid"], signal.SIGKILL)

        assert ended
        assert not any(
            is_heard(split_address(each["http"])) for each in ready["processes"]
        )


def test_one_that_cannot_start_is_told_as_if_it_were_alone() -> None:
    flags = ("--processes", str(COUNT), "--port", "0", "--host", "nowhere.invalid")

    assert read_complaint("serve", *flags).startswith(
        "cannot listen on nowhere.invalid:0 ("
    )


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (
            ("--tls-port", "0"),
            "with --processes TLS needs --tls-cert, one certificate for them all",
        ),
        (
            ("--port", "65534"),
            "--port 65534 leaves no ports for 3 processes",
        ),
    ],
)
def test_what_several_cannot_share_is_refused(
    flags: tuple[str, ...], sentence: str
) -> None:
    assert read_complaint("serve", "--processes", str(COUNT), *flags) == sentence


def test_each_keeps_its_worlds_in_a_directory_of_its_own(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for names in ({"demo"}, {"demo", "kept"}):
        with serve_processes(tmp_path, "--data", str(data)) as (process, ready):
            with Emulator(ready["processes"][2]["http"]) as emulator:
                assert {each.name for each in emulator.worlds} == names
                if "kept" not in names:
                    emulator.create("kept")
            process.terminate()
            assert process.wait(timeout=DEADLINE) == 0

    kept = sorted(each.name for each in data.iterdir())
    assert kept == ["1", "2", "3", "worlds.processes"]


@pytest.mark.parametrize("name", ["port", "tls_port", "smpp_port", "smpp_tls_port"])
def test_the_ports_of_all_of_them_exist(name: str) -> None:
    settings = replace(Settings(), processes=COUNT, tls_cert=Path("own.pem"))

    ports: dict[str, Any] = {name: LAST_PORT - COUNT + 1}
    last = split_settings(replace(settings, **ports))[-1]

    assert getattr(last, name) == LAST_PORT
    flag = f"--{name.replace('_', '-')}"
    with pytest.raises(ServeError) as told:
        split_settings(replace(settings, **{name: ports[name] + 1}))
    assert str(told.value) == (
        f"{flag} {LAST_PORT - COUNT + 2} leaves no ports for {COUNT} processes"
    )


def test_each_is_one_process_that_tells_nobody_else(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    settings = Settings(processes=COUNT, data=tmp_path, ready_file=ready)

    parts = split_settings(settings)

    assert [each.data for each in parts] == [tmp_path / name for name in "123"]
    assert {(each.processes, each.ready_file) for each in parts} == {(1, None)}
    assert {each.data for each in split_settings(replace(settings, data=None))} == {
        None
    }


def test_help_names_them() -> None:
    assert "--processes" in run_command("serve", "--help").stdout
