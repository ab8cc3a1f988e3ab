"""Fault rules: what a test asks to go wrong."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from msgspec.structs import replace

from emulator import files
from emulator.domain.refusals import (
    NO_SUCH_FAULT,
    NOT_IN_LIST,
    NOT_WANTED,
    TOO_MANY,
    Refusal,
)
from emulator.faults import Rule
from emulator.faults.rule_json import read_rule, rule_to_json
from emulator.operations.call import Call, Reply
from emulator.world import FaultMade, Rules, World

MOST = 1_000  # rules of a world
FIXED = ("effect", "phase")  # what a preset does not leave open
Body = Mapping[str, Any]


def list_faults(world: World, _call: Call) -> Reply:
    """List the rules in the order in which they are tried, with their strikes."""
    return Reply([rule_to_json(rule) for rule in world.faults])


def list_presets(_world: World, _call: Call) -> Reply:
    return Reply([{"name": name, **preset} for name, preset in presets().items()])


def add_fault(world: World, call: Call) -> Reply:
    if len(world.faults) >= MOST:
        raise Refusal(TOO_MANY, f"{MOST} rules are enough", field="faults", limit=MOST)
    body = _filled(call.body) if "preset" in call.body else call.body
    rule = read_rule(f"f{world.faults_made + 1}", body)
    world.keep(FaultMade())
    world.keep(Rules((*world.faults, rule)))
    return Reply(rule_to_json(rule))


def change_fault(world: World, call: Call) -> Reply:
    """Switch a rule off or on; it keeps its place and its counts."""
    rule = _found(world, call)
    changed = replace(rule, off=call.body["off"])
    world.keep(Rules(tuple(changed if each is rule else each for each in world.faults)))
    return Reply(rule_to_json(changed))


def remove_fault(world: World, call: Call) -> Reply:
    rule = _found(world, call)
    world.keep(Rules(tuple(each for each in world.faults if each is not rule)))
    return Reply(rule_to_json(rule))


def _found(world: World, call: Call) -> Rule:
    wanted = call.params["faultId"]
    rule = next((each for each in world.faults if each.id == wanted), None)
    if rule is None:
        raise Refusal(NO_SUCH_FAULT, f"world {world.name} has no such rule")
    return rule


def clear_faults(world: World, _call: Call) -> Reply:
    world.keep(Rules(()))
    return Reply([])


@cache
def presets() -> Mapping[str, Body]:
    """Return what stands in the file of presets, by name."""
    known: Mapping[str, Body] = files.read_own_yaml(files.PRESETS)
    return known


def _filled(body: Body) -> Body:
    """Return the rule of a preset, narrowed by what else *body* says.

    Refuses a preset that there is not, and a change to what it does.
    """
    name = body["preset"]
    if name not in presets():
        why = f"there is no preset {name}, but {', '.join(presets())}"
        raise Refusal(NOT_IN_LIST, why, field="preset")
    for each in FIXED:
        if each in body:
            why = f"the preset {name} has its own {each}; leave one of the two out"
            raise Refusal(NOT_WANTED, why, field=each)
    return {**presets()[name]["rule"], **body}
