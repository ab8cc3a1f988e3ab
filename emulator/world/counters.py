"""What a process counts over all its worlds, those that are gone included."""

from bisect import bisect_left
from collections import Counter

BUCKET_BOUNDS = (0.0, 0.1, 1.0, 5.0, 30.0, 120.0, 600.0, 3600.0, 86400.0)  # seconds


class Histogram:
    """How long things took, in seconds of their worlds."""

    def __init__(self) -> None:
        self.counts = [0] * (
            len(BUCKET_BOUNDS) + 1
        )  # the last one is beyond all bounds
        self.total = 0.0

    @property
    def count(self) -> int:
        return sum(self.counts)

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(BUCKET_BOUNDS, seconds)] += 1
        self.total += seconds


class Counters:
    """Counters that only grow."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()  # by operation and status
        self.messages: Counter[str] = Counter()  # accepted, by channel
        self.faults: Counter[str] = Counter()  # that struck, by operation
        self.attempts: Counter[tuple[str, str]] = Counter()  # by kind and verdict
        self.dropped: Counter[str] = Counter()  # receipts, by why
        self.unrecorded: Counter[str] = Counter()  # for want of room, by kind
        self.lags = Histogram()
