"""Where the time of a request goes, in this process and without HTTP: `python -m benchmarks.profile --size 100`."""

from __future__ import annotations

import cProfile
import gc
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from types import CodeType
from typing import NamedTuple

import click
import msgspec

from cds_service.app import create_adviser
from cds_service.hooks.request import read_request
from cds_service.settings import Settings

from .charts import AS_OF, KINDS, Case, Kind, write_requests

PATIENTS = 8
ROUNDS = 7

_ROOT = Path(__file__).resolve().parent.parent
_PACKAGE = f"{_ROOT / 'cds_service'}/"


class Share(NamedTuple):
    """What a function took: calls for each request, and its share of the time without and with what it calls."""

    where: str
    calls: float
    own: float
    whole: float


@click.command()
@click.option("--size", type=click.IntRange(min=1), default=100, show_default=True, help="Resources in the chart.")
@click.option("--kind", type=click.Choice(KINDS), default="mixed", show_default=True, help="What the chart is made of.")
@click.option("--requests", type=click.IntRange(min=1), default=40, show_default=True, help="Requests in each round.")
@click.option("--top", type=click.IntRange(min=1), default=25, show_default=True, help="Functions to print.")
@click.option("--by", type=click.Choice(("own", "whole")), default="own", show_default=True, help="Order of functions.")
def main(size: int, kind: Kind, requests: int, top: int, by: str) -> None:
    """Time a request read and advised beside an untyped decode of its body, and print the functions that cost most."""
    adviser = create_adviser(Settings(as_of=AS_OF, log_level="error"))
    bodies = write_requests(Case(kind, size), PATIENTS)

    def answer(body: bytes) -> None:
        adviser.advise(read_request(body, service_hook="order-sign"))

    def read(body: bytes) -> None:
        read_request(body, service_hook="order-sign")

    def decode(body: bytes) -> None:
        msgspec.json.decode(body)

    print(f"{Case(kind, size)}, {len(bodies[0]) / 1000:,.0f} kB, milliseconds for a request:")
    floor_ms = _mean_ms(decode, bodies, requests)
    for name, work in (("read_request", read), ("read_request + advise", answer)):
        ms = _mean_ms(work, bodies, requests)
        print(f"  {name:<24}{ms:8.3f}   {ms / floor_ms:5.2f} x the untyped decode")
    print(f"  {'untyped decode (floor)':<24}{floor_ms:8.3f}")
    shares = _shares(answer, bodies, requests)
    shares.sort(key=lambda share: share.own if by == "own" else share.whole, reverse=True)
    print("\ncalls/request     own  with what it calls  function")
    for share in shares[:top]:
        print(f"{share.calls:13,.1f}{share.own:8.1%}{share.whole:21.1%}  {share.where}")


def _mean_ms(work: Callable[[bytes], None], bodies: Sequence[bytes], requests: int) -> float:
    """The mean of a round, in the round that is the median: a busy neighbour spoils some rounds, not all."""
    for body in bodies:
        work(body)
    rounds: list[float] = []
    for _ in range(ROUNDS):
        gc.collect()
        started = time.perf_counter()
        for number in range(requests):
            work(bodies[number % len(bodies)])
        rounds.append((time.perf_counter() - started) / requests)
    return median(rounds) * 1000


def _shares(work: Callable[[bytes], None], bodies: Sequence[bytes], requests: int) -> list[Share]:
    """The share of every function. The profiler makes small functions look dearer than they are."""
    profile = cProfile.Profile()
    profile.enable()
    for number in range(requests):
        work(bodies[number % len(bodies)])
    profile.disable()
    entries = profile.getstats()
    total = sum(entry.inlinetime for entry in entries)
    return [
        Share(_where(entry.code), entry.callcount / requests, entry.inlinetime / total, entry.totaltime / total)
        for entry in entries
    ]


def _where(code: CodeType | str) -> str:
    """The function's name, with file and line where it is written in Python; the package's files from its folder on."""
    if isinstance(code, str):
        return code.strip("<>")
    return f"{code.co_qualname}  {code.co_filename.removeprefix(_PACKAGE)}:{code.co_firstlineno}"


if __name__ == "__main__":
    main()
