"""A cache with a bound in bytes, so that no client fills the memory.

``functools.lru_cache`` bounds how many answers it keeps, whatever their size.
"""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

ResultT = TypeVar("ResultT")
QuestionT = TypeVar("QuestionT", str, bytes)
MAX_CACHED_LENGTH = 256  # characters or bytes of a question that is remembered


def cache_short_keys(
    maxsize: int,
) -> Callable[[Callable[[QuestionT], ResultT]], Callable[[QuestionT], ResultT]]:
    """Remember *maxsize* answers to questions that are short; compute the others.

    An answer must not be larger than its question by more than a little.
    """

    def decorate(
        work_out: Callable[[QuestionT], ResultT],
    ) -> Callable[[QuestionT], ResultT]:
        known = lru_cache(maxsize)(work_out)

        @wraps(work_out)
        def answer(asked: QuestionT) -> ResultT:
            return known(asked) if len(asked) <= MAX_CACHED_LENGTH else work_out(asked)

        return answer

    return decorate
