"""What is remembered of what comes again and again."""

from collections.abc import Sequence

import pytest

from emulator.contract.memo import MAX_CACHED_LENGTH, cache_short_keys

LONG = "x" * (MAX_CACHED_LENGTH + 1)


@pytest.mark.parametrize(
    ("asked", "worked_out"),
    [
        ("aaaa", "a"),
        ("abab", "ab"),
        ([LONG, LONG], [LONG, LONG]),  # too long to be kept
        ("abcabca", "abcabca"),  # three in a cache for two: none is found again
    ],
)
def test_an_answer_is_remembered_within_bounds(
    asked: Sequence[str], worked_out: Sequence[str]
) -> None:
    computed: list[str] = []

    @cache_short_keys(2)
    def answer(question: str) -> str:
        computed.append(question)
        return question.upper()

    assert [answer(each) for each in asked] == [each.upper() for each in asked]
    assert computed == [*worked_out]


def test_a_question_that_fails_is_asked_again() -> None:
    computed: list[bytes] = []

    @cache_short_keys(2)
    def answer(question: bytes) -> str:
        computed.append(question)
        return question.decode("ascii")

    for _ in range(2):
        with pytest.raises(UnicodeDecodeError):
            answer(b"\xff")
    assert computed == [b"\xff", b"\xff"]
