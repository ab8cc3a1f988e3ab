"""The contract tests bite: each of nine broken emulators is caught by its check."""

import pytest

from tests.fuzzed import contract_world, examine
from tests.mutants import MUTANTS, Mutant

EXAMPLES = 10  # an operation


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.mistake)
def test_a_broken_emulator_is_caught_by_the_check_that_is_there_for_it(
    mutant: Mutant,
) -> None:
    report = examine(
        mutant.of(contract_world()),
        examples=EXAMPLES,
        phases=(mutant.phase,),
        operations=mutant.operations,
    )

    assert report.codes == {mutant.code}, str(report)


def test_there_are_nine_and_no_two_are_caught_alike() -> None:
    assert len({mutant.code for mutant in MUTANTS}) == len(MUTANTS) == 9
