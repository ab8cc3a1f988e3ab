"""What a process counts over all its worlds, those that are gone included."""

from collections import Counter


class Tally:
    """Counters that only grow."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()  # by operation and status
        self.messages: Counter[str] = Counter()  # accepted, by channel
        self.faults: Counter[str] = Counter()  # that struck, by operation
