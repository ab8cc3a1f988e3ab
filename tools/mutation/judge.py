"""The verdict on one change: which test notices it, and whether that can be trusted."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tools.mutation.copies import changed
from tools.mutation.learnt import Learnt, Tests
from tools.mutation.mutants import Mutant
from tools.mutation.trial import Outcome, Runner

FAILED = 1  # pytest's word for tests that failed, and for nothing else
FINE = (0, 5)  # passed; nothing to run
IMPORT = "import"  # what kills where the tests cannot be collected any more


class Verdict(NamedTuple):
    mutant: Mutant
    killed_by: str  # a test, or nothing where it survives
    hung: Sequence[str]  # tests that had to be stopped
    said: str


class Judge:
    """Judges one change after another in one copy of the checkout."""

    def __init__(
        self,
        runner: Runner,
        learnt: Learnt | None,
        places: Sequence[str],
        marker: str,
        most: float | None = None,
    ) -> None:
        self._runner = runner
        self._learnt = learnt
        self._places = places
        self._marker = marker
        self._most = most
        self._sound: set[str] = set()  # tests known to pass without a change
        self._unsound: set[str] = set()

    def verdict(self, mutant: Mutant) -> Verdict:
        """Try piece after piece until a test fails that passes without the change."""
        hung: list[str] = []
        said = ""
        for piece in self._pieces(mutant):
            while left := {
                name: seconds
                for name, seconds in piece.items()
                if name not in hung and name not in self._unsound
            }:
                with changed(self._runner.copy, mutant):
                    outcome = self._run(left)
                said = outcome.said or said
                hung += outcome.hung
                killer = self._killer(outcome, left)
                if killer:
                    return Verdict(mutant, killer, hung, said)
                if outcome.status in FINE or not (outcome.failed or outcome.hung):
                    break
        return Verdict(mutant, "", hung, said)

    def _pieces(self, mutant: Mutant) -> Iterable[Tests]:
        if self._learnt is None:
            yield dict.fromkeys(self._collected(), 0.0)
            return
        spent = 0.0
        for piece in self._learnt.pieces(mutant):
            spent += sum(piece.values())
            if self._most is not None and spent > self._most:
                return
            yield piece

    def _collected(self) -> list[str]:
        places, marker = self._places, self._marker
        run = self._runner.run
        return run({}, places=places, marker=marker, only_collect=True).collected

    def _run(self, tests: Tests) -> Outcome:
        return self._runner.run(tests, marker=self._marker)

    def _killer(self, outcome: Outcome, tried: Tests) -> str:
        """Return who notices: a test, or the import of what all tests need."""
        if outcome.status == FAILED and outcome.failed:
            name = outcome.failed[0]
            return name if self._passes(name) else ""
        if outcome.status is None or outcome.status in FINE or outcome.hung:
            return ""
        plain = self._runner.run(tried, marker=self._marker, only_collect=True)
        return IMPORT if plain.status == 0 else ""

    def _passes(self, name: str) -> bool:
        """Return whether a test passes without any change, alone and here."""
        if name not in self._sound and name not in self._unsound:
            outcome = self._run({name: 1.0})
            is_sound = outcome.status == 0 and not outcome.failed
            (self._sound if is_sound else self._unsound).add(name)
            if not is_sound:
                print(f"fails without a change: {name}", flush=True)
        return name in self._sound
