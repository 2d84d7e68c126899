"""Measures the service beside the floor, in turn, and prints the table: `python -m benchmarks`."""

from __future__ import annotations

import os
import sys

import click
import msgspec
from rich.console import Console

from .charts import Case, write_requests
from .figures import Report, Row, footprint_of, row_of
from .load import Connection, Load, drive, write_call
from .servers import FLOOR, SERVICE, CannotMeasure, Server, running
from .table import print_report
from .trust import measure_trust

CONNECTIONS = 4
ROUNDS = 5
"""Both servers are loaded in turn so many times, so that what drifts on the machine meets both."""
PATIENTS = 8


def _read_sizes(_: click.Context, __: click.Parameter, value: str) -> tuple[int, ...]:
    try:
        sizes = tuple(int(size) for size in value.split(","))
    except ValueError:
        raise click.BadParameter("numbers with commas between them are wanted, as in 10,100,1000") from None
    if min(sizes) < 1:
        raise click.BadParameter("a chart has at least 1 resource")
    return sizes


@click.command()
@click.option(
    "--seconds", type=click.FloatRange(min=0.05), default=4.0, show_default=True, help="Load per chart and server."
)
@click.option(
    "--sizes", callback=_read_sizes, default="10,100,1000", show_default=True, help="Resources in the mixed charts."
)
@click.option("--mixed-only", is_flag=True, help="Leave out the charts of orders alone and of a larger basket.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def main(seconds: float, sizes: tuple[int, ...], mixed_only: bool, as_json: bool) -> None:
    """Drive the service and a bare route on the same server in turn, and print how they compare."""
    cases = [Case("mixed", size) for size in sizes]
    if not mixed_only:
        cases += [Case("orders", 100), Case("basket", 100)]
    try:
        report = measure(cases, seconds)
    except CannotMeasure as failure:
        sys.exit(str(failure))
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(report)).decode())
    else:
        print_report(report)


def measure(cases: list[Case], seconds: float) -> Report:
    """Starts both servers, loads them with every case, and ends them. Raises CannotMeasure."""
    progress = Console(stderr=True)
    with running("service", SERVICE) as service, running("floor", FLOOR) as floor, progress.status("") as status:
        rows: list[Row] = []
        for case in cases:
            status.update(f"Measuring {case}")
            rows.append(_measure_case(case, service, floor, seconds))
        return Report(
            processors=os.cpu_count() or 0,
            connections=CONNECTIONS,
            rows=tuple(rows),
            service=footprint_of(service),
            floor=footprint_of(floor),
            trust=measure_trust(),
        )


def _measure_case(case: Case, service: Server, floor: Server, seconds: float) -> Row:
    bodies = write_requests(case, PATIENTS)
    calls = [write_call(body) for body in bodies]
    cards = _cards(service, calls)
    if not cards:
        raise CannotMeasure(f"The service has no card for {case}: this would not measure its work")
    loads: dict[str, list[Load]] = {service.name: [], floor.name: []}
    for _ in range(ROUNDS):
        for server in (service, floor):
            loads[server.name].append(drive(server, calls, connections=CONNECTIONS, seconds=seconds / ROUNDS))
    return row_of(case, len(bodies[0]), cards, loads[service.name], loads[floor.name])


class _Answer(msgspec.Struct):
    cards: list[msgspec.Raw]


def _cards(server: Server, calls: list[bytes]) -> int:
    """The least number of cards that a call gets."""
    connection = Connection(server.port)
    try:
        return min(len(msgspec.json.decode(connection.call(call), type=_Answer).cards) for call in calls)
    finally:
        connection.close()


if __name__ == "__main__":
    main()
