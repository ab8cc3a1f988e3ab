"""The truth about numbers, and another one from now on."""

from dataclasses import replace

from emulator.worldfile.account_reader import weighed
from emulator.domain.account import ITEMS
from emulator.domain.handset import TRUTHS, Outcome, Population
from emulator.domain.recipients import cellphone
from emulator.domain.refusals import TOO_MANY, Refusal
from emulator.operations.call import Call, Reply
from emulator.world import World


def get_handset(world: World, call: Call) -> Reply:
    number = int(call.params["cellphone"])
    return Reply(_shown(number, world.account.population.outcome(number)))


def set_handset(world: World, call: Call) -> Reply:
    """Give a number another outcome; what was sent to it before keeps its own."""
    number, outcome = int(call.params["cellphone"]), call.body["outcome"]
    population = world.account.population
    known = {**population.known, number: Outcome[outcome.upper()]}
    if len(known) > ITEMS:
        why = "PUT /_emulator/population decides for whole crowds"
        raise Refusal(TOO_MANY, why, field="handsets", limit=ITEMS)
    _become(world, replace(population, known=known))
    return Reply(_shown(number, known[number]))


def get_population(world: World, _call: Call) -> Reply:
    return Reply(_weights(world.account.population))


def set_population(world: World, call: Call) -> Reply:
    """Give all numbers without an outcome of their own other weights."""
    weights = weighed(call.body["weights"])
    changed = replace(world.account.population, weights=weights)
    _become(world, changed)
    return Reply(_weights(changed))


def _become(world: World, population: Population) -> None:
    world.keep(replace(world.account, population=population))


def _shown(number: int, outcome: Outcome) -> dict[str, str]:
    return {
        "cellphone": cellphone(number),
        "outcome": outcome.name.lower(),
        "hlr": TRUTHS[outcome].hlr,
    }


def _weights(population: Population) -> dict[str, dict[str, float]]:
    weights = {each.name.lower(): it for each, it in population.weights.items()}
    return {"weights": weights}
