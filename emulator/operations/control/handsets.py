"""The outcomes of numbers: read and changed."""

from dataclasses import replace

from emulator.domain.account import MAX_ITEMS
from emulator.domain.handset import BEHAVIOURS, Outcome, Population
from emulator.domain.platform_refusals import TOO_MANY
from emulator.domain.recipients import format_cellphone
from emulator.domain.refusals import Refusal
from emulator.operations.call import OperationCall, OperationResult
from emulator.world import World
from emulator.worldfile.account_codec import weights_by_outcome


def get_handset(world: World, call: OperationCall) -> OperationResult:
    number = int(call.params["cellphone"])
    return OperationResult(
        _describe_handset(number, world.account.population.get_outcome(number))
    )


def set_handset(world: World, call: OperationCall) -> OperationResult:
    """Set the outcome of a number; earlier messages keep theirs."""
    number, outcome = int(call.params["cellphone"]), call.body["outcome"]
    population = world.account.population
    known = {**population.known, number: Outcome[outcome.upper()]}
    if len(known) > MAX_ITEMS:
        why = "PUT /_emulator/population decides for whole crowds"
        raise Refusal(TOO_MANY, why, field="handsets", limit=MAX_ITEMS)
    _keep_population(world, replace(population, known=known))
    return OperationResult(_describe_handset(number, known[number]))


def get_population(world: World, _call: OperationCall) -> OperationResult:
    return OperationResult(_describe_weights(world.account.population))


def set_population(world: World, call: OperationCall) -> OperationResult:
    """Set the weights for all numbers without an outcome of their own."""
    weights = weights_by_outcome(call.body["weights"])
    changed = replace(world.account.population, weights=weights)
    _keep_population(world, changed)
    return OperationResult(_describe_weights(changed))


def _keep_population(world: World, population: Population) -> None:
    world.keep_change(replace(world.account, population=population))


def _describe_handset(number: int, outcome: Outcome) -> dict[str, str]:
    return {
        "cellphone": format_cellphone(number),
        "outcome": outcome.name.lower(),
        "hlr": BEHAVIOURS[outcome].hlr,
    }


def _describe_weights(population: Population) -> dict[str, dict[str, float]]:
    weights = {each.name.lower(): it for each, it in population.weights.items()}
    return {"weights": weights}
