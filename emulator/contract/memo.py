"""A cache with a bound in bytes, so that no client fills the memory.

``functools.lru_cache`` bounds how many answers it keeps, whatever their size.
"""

from collections.abc import Callable
from typing import TypeVar

ResultT = TypeVar("ResultT")
QuestionT = TypeVar("QuestionT", str, bytes)
MAX_CACHED_LENGTH = 256  # characters or bytes of a question that is remembered


class ShortKeyCache(dict[QuestionT, ResultT]):
    """Answers by their question; it is emptied once it is full."""

    def __init__(self, maxsize: int, work_out: Callable[[QuestionT], ResultT]) -> None:
        super().__init__()
        self._maxsize = maxsize
        self._work_out: Callable[[QuestionT], ResultT] = work_out

    def __missing__(self, asked: QuestionT) -> ResultT:
        answer: ResultT = self._work_out(asked)
        if len(asked) <= MAX_CACHED_LENGTH:
            if len(self) >= self._maxsize:
                self.clear()
            self[asked] = answer
        return answer


def cache_short_keys(
    maxsize: int,
) -> Callable[[Callable[[QuestionT], ResultT]], Callable[[QuestionT], ResultT]]:
    """Remember *maxsize* answers to questions that are short; compute the others.

    An answer must not be larger than its question by more than a little.
    """

    def decorate(
        work_out: Callable[[QuestionT], ResultT],
    ) -> Callable[[QuestionT], ResultT]:
        known: ShortKeyCache[QuestionT, ResultT] = ShortKeyCache(maxsize, work_out)
        return known.__getitem__

    return decorate
