"""Metrics of the whole process, in the text format of Prometheus.

Source: the exposition format 0.0.4.  Its client library is not used: it takes 50 ms to
import, and a registry of its own would count beside ``tally``.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import NamedTuple

from emulator.operations.call import OperationCall, OperationResult
from emulator.world import World
from emulator.world.shared_state import BUCKET_BOUNDS, Histogram
from emulator.worlds import WorldDirectory

MetricSample = tuple[Mapping[str, object], float]  # labels and value

ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class MetricFamily(NamedTuple):
    name: str
    kind: str
    description: str
    samples: Iterable[MetricSample] = ()
    histogram: Histogram | None = None


def get_metrics(
    worlds: WorldDirectory, _world: World, _call: OperationCall
) -> OperationResult:
    lines = (
        line for family in _list_families(worlds) for line in _render_family(family)
    )
    return OperationResult("\n".join(lines) + "\n")


def _list_families(worlds: WorldDirectory) -> Iterator[MetricFamily]:
    tally = worlds.counters
    yield MetricFamily(
        "smsclouds_requests_total",
        "counter",
        "Requests of the platform's API that were answered.",
        (
            ({"operation": operation, "status": status}, count)
            for (operation, status), count in sorted(tally.requests.items())
        ),
    )
    yield MetricFamily(
        "smsclouds_connections",
        "gauge",
        "Connections of clients that are open.",
        [({}, tally.connections.open)],
    )
    yield MetricFamily(
        "smsclouds_connections_turned_away_total",
        "counter",
        "Connections that were closed for others, or refused, as too many were open.",
        [
            ({"how": "closed"}, tally.connections.closed),
            ({"how": "refused"}, tally.connections.refused),
        ],
    )
    yield MetricFamily(
        "smsclouds_messages_total",
        "counter",
        "Messages accepted.",
        (({"channel": each}, count) for each, count in sorted(tally.messages.items())),
    )
    yield MetricFamily(
        "smsclouds_faults_total",
        "counter",
        "Fault rules that struck a request.",
        (({"operation": each}, count) for each, count in sorted(tally.faults.items())),
    )
    yield MetricFamily("smsclouds_worlds", "gauge", "Worlds held.", [({}, len(worlds))])
    yield MetricFamily(
        "smsclouds_deliveries_total",
        "counter",
        "Attempts to deliver a callback.",
        (
            ({"kind": kind, "verdict": verdict}, count)
            for (kind, verdict), count in sorted(tally.attempts.items())
        ),
    )
    yield MetricFamily(
        "smsclouds_receipts_dropped_total",
        "counter",
        "Receipts dropped for want of a receiver.",
        (({"reason": each}, count) for each, count in sorted(tally.dropped.items())),
    )
    yield MetricFamily(
        "smsclouds_unrecorded_total",
        "counter",
        "What worlds did not record, as they hold as much as they may.",
        (({"kind": each}, count) for each, count in sorted(tally.unrecorded.items())),
    )
    yield MetricFamily(
        "smsclouds_delivery_lag_seconds",
        "histogram",
        "Seconds of the world from when a callback fell due until it was delivered.",
        histogram=tally.lags,
    )


def _render_family(family: MetricFamily) -> Iterator[str]:
    yield f"# HELP {family.name} {family.description}"
    yield f"# TYPE {family.name} {family.kind}"
    for labels, value in family.samples:
        yield f"{family.name}{_render_labels(labels)} {value}"
    if family.histogram is not None and family.histogram.count:
        yield from _render_histogram(family.name, family.histogram)


def _render_histogram(name: str, histogram: Histogram) -> Iterator[str]:
    """Yield the lines of a histogram, whose buckets hold all that is not more."""
    for bound, below in zip(
        (*BUCKET_BOUNDS, "+Inf"), accumulate(histogram.counts), strict=True
    ):
        yield f"{name}_bucket{_render_labels({'le': bound})} {below}"
    yield f"{name}_sum {histogram.total}"
    yield f"{name}_count {histogram.count}"


def _render_labels(labels: Mapping[str, object]) -> str:
    if not labels:
        return ""
    pairs = (f'{name}="{str(it).translate(ESCAPES)}"' for name, it in labels.items())
    return "{" + ",".join(pairs) + "}"
