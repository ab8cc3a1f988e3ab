"""Answers that are remembered, within a bound in bytes: no client fills the memory.

``functools.lru_cache`` bounds how many answers it keeps, whatever their size.
"""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

Answer = TypeVar("Answer")
Asked = TypeVar("Asked", str, bytes)
LONGEST = 256  # characters or bytes of a question that is remembered


def remembered(
    most: int,
) -> Callable[[Callable[[Asked], Answer]], Callable[[Asked], Answer]]:
    """Remember *most* answers to questions that are short; longer ones are worked out.

    An answer must not be larger than its question by more than a little.
    """

    def decorate(work_out: Callable[[Asked], Answer]) -> Callable[[Asked], Answer]:
        known = lru_cache(most)(work_out)

        @wraps(work_out)
        def answer(asked: Asked) -> Answer:
            return known(asked) if len(asked) <= LONGEST else work_out(asked)

        return answer

    return decorate
