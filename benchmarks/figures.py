"""What the loads come to: figures of service and floor side by side, and their ratios."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

import msgspec

from .charts import Case
from .load import Load
from .servers import Server

START_AT_MOST_S = 2.0
WORKER_AT_MOST_MB = 150.0


class Speed(msgspec.Struct, frozen=True, kw_only=True):
    """How one server did with one case.

    Throughput and processor time are the medians of the rounds, so that one round beside a busy neighbour counts for
    little; the percentiles are those of all answers. Times are in milliseconds, processor time is that of the workers.
    """

    requests: int
    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float


class Ratios(msgspec.Struct, frozen=True, kw_only=True):
    """Service over floor: for throughput more is better, for the others less.

    `cpu` is None where a round was so short that the kernel's clock did not tick for the floor.
    """

    throughput: float
    p50: float
    p99: float
    cpu: float | None


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One case: the size of a body in bytes, the cards that the service answers, and how both did.

    `goal` is the least throughput, as a ratio to the floor, that the project asks of itself; None where it has none.
    `load_cpu_ms` is the processor time that the load itself took for a request to the service.
    """

    chart: str
    body_bytes: int
    cards: int
    service: Speed
    floor: Speed
    ratios: Ratios
    goal: float | None
    load_cpu_ms: float


class Footprint(msgspec.Struct, frozen=True, kw_only=True):
    """What a server takes, after the load: seconds until ready, resident MB of its largest worker and of all."""

    start_s: float
    worker_mb: float
    tree_mb: float
    workers: int


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What one step takes by itself, in microseconds."""

    what: str
    us: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All that was measured; `trust` is what production adds to each call to know its caller."""

    processors: int
    connections: int
    rows: tuple[Row, ...]
    service: Footprint
    floor: Footprint
    trust: tuple[Cost, ...] = ()


def row_of(case: Case, body_bytes: int, cards: int, service: Sequence[Load], floor: Sequence[Load]) -> Row:
    """The row of a case, from one load of each server for each round."""
    ours, theirs = _speed(service), _speed(floor)
    return Row(
        chart=str(case),
        body_bytes=body_bytes,
        cards=cards,
        service=ours,
        floor=theirs,
        ratios=Ratios(
            throughput=ours.per_second / theirs.per_second,
            p50=ours.p50_ms / theirs.p50_ms,
            p99=ours.p99_ms / theirs.p99_ms,
            cpu=ours.cpu_ms / theirs.cpu_ms if theirs.cpu_ms else None,
        ),
        goal=_goal(case),
        load_cpu_ms=median(load.own_cpu_s / len(load.latencies) for load in service) * 1000,
    )


def footprint_of(server: Server) -> Footprint:
    """What a running server takes now."""
    return Footprint(
        start_s=server.start_s,
        worker_mb=server.worker_mb(),
        tree_mb=server.tree_mb(),
        workers=len(server.workers),
    )


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest of the values that at least so many percent of them do not exceed. There must be a value."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def _speed(loads: Sequence[Load]) -> Speed:
    latencies = [latency for load in loads for latency in load.latencies]
    return Speed(
        requests=len(latencies),
        per_second=median(len(load.latencies) / load.seconds for load in loads),
        p50_ms=percentile(latencies, 50) * 1000,
        p99_ms=percentile(latencies, 99) * 1000,
        cpu_ms=median(load.cpu_s / len(load.latencies) for load in loads) * 1000,
    )


def _goal(case: Case) -> float | None:
    if case.size < 100:
        return None
    return 0.5 if case.kind == "mixed" else 0.4
