"""The truth about a number, and another one from now on."""

from dataclasses import replace

from emulator.domain.handset import TRUTHS, Outcome
from emulator.domain.recipients import cellphone
from emulator.operations.call import Call, Reply
from emulator.world import World


def get_handset(world: World, call: Call) -> Reply:
    return _read(world, int(call.params["cellphone"]))


def set_handset(world: World, call: Call) -> Reply:
    """Give a number another outcome; what was sent to it before keeps its own."""
    number, outcome = int(call.params["cellphone"]), call.body["outcome"]
    population = world.account.population
    known = {**population.known, number: Outcome[outcome.upper()]}
    changed = replace(population, known=known)
    world.keep(replace(world.account, population=changed))
    return Reply(_shown(number, known[number]))


def _read(world: World, number: int) -> Reply:
    return Reply(_shown(number, world.account.population.outcome(number)))


def _shown(number: int, outcome: Outcome) -> dict[str, str]:
    return {
        "cellphone": cellphone(number),
        "outcome": outcome.name.lower(),
        "hlr": TRUTHS[outcome].hlr,
    }
