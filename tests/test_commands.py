"""Commands that cannot go together, over all the commands that there are."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from emulator.operations.control import clock
from tests.support.emulator import Api, make_emulator, read_contract, read_control
from tests.support.worlds import (
    COMMANDS,
    CONTROL_COMMANDS,
    PLATFORM_COMMANDS,
    attend_command,
    fork_world,
    prepare_world,
)

# What would pull the clock away from under the one who moves it.
AT_REST = {
    "setClock",
    "advanceClock",
    "settleWorld",
    "resetWorld",
    "restoreWorld",
    "restoreCheckpoint",
}


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    """Return a prepared world; each test takes a fork of it."""
    with closing(make_emulator()) as api:
        prepare_world(api)
        yield api


def test_no_command_of_either_contract_is_left_out() -> None:
    reading = {"GET"}
    steering = read_control().operations.values()
    asking = read_contract().operations.values()

    assert {each.id for each in steering if each.method not in reading} == {
        *CONTROL_COMMANDS
    }
    assert {each.id for each in asking if each.method not in reading} == {
        *PLATFORM_COMMANDS
    } - {"lookupNumber"}


@pytest.mark.parametrize("name", COMMANDS)
def test_who_moves_the_clock_keeps_out_what_would_move_it_too(
    api: Api, name: str
) -> None:
    fork_world(api)
    with attend_command(api, name):
        method, path, body = COMMANDS[name].make_request(api)
        world = api.world
        now = world.clock.now()
        why = f"the world {world.name} is being advanced or settled; wait for the end"

        with clock.hold_clock(world):
            meanwhile = api.send(method, path, json=body)
            stands = world.clock.now()

        if name in AT_REST:
            assert (meanwhile.status, meanwhile.body["detail"]) == (409, why)
            assert stands == now
            method, path, body = COMMANDS[name].make_request(api)
            assert api.send(method, path, json=body).status == 200
        else:
            assert meanwhile.status == 200, meanwhile.octets
