"""Fault rules: what a test asks to go wrong."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from msgspec.structs import replace

from emulator import files
from emulator.domain.emulator_refusals import NO_SUCH_FAULT
from emulator.domain.platform_refusals import NOT_IN_LIST, NOT_WANTED, TOO_MANY
from emulator.domain.refusals import Refusal
from emulator.faults import FaultRule
from emulator.faults.rule_json import read_rule, rule_to_json
from emulator.operations.call import OperationCall, OperationResult
from emulator.world import FaultNumberTaken, FaultRulesChanged, World

MAX_RULES = 1_000  # rules of a world
PRESET_FIXED = ("effect", "phase")  # what a preset does not leave open
FaultBody = Mapping[str, Any]


def list_faults(world: World, _call: OperationCall) -> OperationResult:
    """List the rules in the order in which they are tried, with their strikes."""
    return OperationResult([rule_to_json(rule) for rule in world.faults])


def list_presets(_world: World, _call: OperationCall) -> OperationResult:
    return OperationResult(
        [{"name": name, **preset} for name, preset in read_presets().items()]
    )


def add_fault(world: World, call: OperationCall) -> OperationResult:
    if len(world.faults) >= MAX_RULES:
        raise Refusal(
            TOO_MANY, f"{MAX_RULES} rules are enough", field="faults", limit=MAX_RULES
        )
    body = _fill_preset(call.body) if "preset" in call.body else call.body
    rule = read_rule(f"f{world.faults_made + 1}", body)
    world.keep_change(FaultNumberTaken())
    world.keep_change(FaultRulesChanged((*world.faults, rule)))
    return OperationResult(rule_to_json(rule))


def change_fault(world: World, call: OperationCall) -> OperationResult:
    """Switch a rule off or on; it keeps its place and its counts."""
    rule = _require_rule(world, call)
    changed = replace(rule, disabled=call.body["disabled"])
    world.keep_change(
        FaultRulesChanged(
            tuple(changed if each is rule else each for each in world.faults)
        )
    )
    return OperationResult(rule_to_json(changed))


def remove_fault(world: World, call: OperationCall) -> OperationResult:
    rule = _require_rule(world, call)
    world.keep_change(
        FaultRulesChanged(tuple(each for each in world.faults if each is not rule))
    )
    return OperationResult(rule_to_json(rule))


def _require_rule(world: World, call: OperationCall) -> FaultRule:
    wanted = call.params["faultId"]
    rule = next((each for each in world.faults if each.id == wanted), None)
    if rule is None:
        raise Refusal(NO_SUCH_FAULT, f"world {world.name} has no such rule")
    return rule


def clear_faults(world: World, _call: OperationCall) -> OperationResult:
    world.keep_change(FaultRulesChanged(()))
    return OperationResult([])


@cache
def read_presets() -> Mapping[str, FaultBody]:
    """Return the presets in the file, by name."""
    known: Mapping[str, FaultBody] = files.read_cached_yaml(files.PRESETS)
    return known


def _fill_preset(body: FaultBody) -> FaultBody:
    """Return the rule of a preset, changed by the other keys of *body*.

    Refuses a preset that there is not, and a change to what it does.
    """
    name = body["preset"]
    if name not in read_presets():
        why = f"there is no preset {name}, but {', '.join(read_presets())}"
        raise Refusal(NOT_IN_LIST, why, field="preset")
    for each in PRESET_FIXED:
        if each in body:
            why = f"the preset {name} has its own {each}; leave one of the two out"
            raise Refusal(NOT_WANTED, why, field=each)
    return {**read_presets()[name]["rule"], **body}
