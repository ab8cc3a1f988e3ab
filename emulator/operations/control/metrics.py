"""Figures of the whole process, in the text format of Prometheus.

Source: the exposition format 0.0.4.  Its client library is not used: it takes 50 ms to
import, and a registry of its own would count beside ``tally``.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import NamedTuple

from emulator.operations.call import Call, Reply
from emulator.world.counters import BOUNDS, Histogram
from emulator.world import World
from emulator.worlds import Worlds

Sample = tuple[Mapping[str, object], float]  # labels and value

ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class Family(NamedTuple):
    name: str
    kind: str
    says: str
    samples: Iterable[Sample] = ()
    histogram: Histogram | None = None


def get_metrics(worlds: Worlds, _world: World, _call: Call) -> Reply:
    lines = (line for family in _families(worlds) for line in _lines(family))
    return Reply("\n".join(lines) + "\n")


def _families(worlds: Worlds) -> Iterator[Family]:
    tally = worlds.tally
    yield Family(
        "smsclouds_requests_total",
        "counter",
        "Requests of the platform's API that were answered.",
        (
            ({"operation": operation, "status": status}, count)
            for (operation, status), count in sorted(tally.requests.items())
        ),
    )
    yield Family(
        "smsclouds_messages_total",
        "counter",
        "Messages accepted.",
        (({"channel": each}, count) for each, count in sorted(tally.messages.items())),
    )
    yield Family(
        "smsclouds_faults_total",
        "counter",
        "Fault rules that struck a request.",
        (({"operation": each}, count) for each, count in sorted(tally.faults.items())),
    )
    yield Family("smsclouds_worlds", "gauge", "Worlds held.", [({}, len(worlds))])
    yield Family(
        "smsclouds_deliveries_total",
        "counter",
        "Attempts to deliver a callback.",
        (
            ({"kind": kind, "verdict": verdict}, count)
            for (kind, verdict), count in sorted(tally.attempts.items())
        ),
    )
    yield Family(
        "smsclouds_receipts_dropped_total",
        "counter",
        "Receipts dropped for want of a receiver.",
        (({"reason": each}, count) for each, count in sorted(tally.dropped.items())),
    )
    yield Family(
        "smsclouds_delivery_lag_seconds",
        "histogram",
        "Seconds of the world from when a callback fell due until it was delivered.",
        histogram=tally.lags,
    )


def _lines(family: Family) -> Iterator[str]:
    yield f"# HELP {family.name} {family.says}"
    yield f"# TYPE {family.name} {family.kind}"
    for labels, value in family.samples:
        yield f"{family.name}{_labelled(labels)} {value}"
    if family.histogram is not None and family.histogram.count:
        yield from _buckets(family.name, family.histogram)


def _buckets(name: str, histogram: Histogram) -> Iterator[str]:
    """Yield the lines of a histogram, whose buckets hold all that is not more."""
    for bound, below in zip(
        (*BOUNDS, "+Inf"), accumulate(histogram.counts), strict=True
    ):
        yield f"{name}_bucket{_labelled({'le': bound})} {below}"
    yield f"{name}_sum {histogram.total}"
    yield f"{name}_count {histogram.count}"


def _labelled(labels: Mapping[str, object]) -> str:
    if not labels:
        return ""
    pairs = (f'{name}="{str(it).translate(ESCAPES)}"' for name, it in labels.items())
    return "{" + ",".join(pairs) + "}"
