"""Prints a report as a table for people."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .figures import START_AT_MOST_S, WORKER_AT_MOST_MB, Footprint, Report, Row

WIDTH = 132
"""So many columns the table needs; where the terminal has fewer its lines break, but no figure is cut."""


def print_report(report: Report) -> None:
    """Each figure as service / floor, each ratio as service over floor; green where a goal is met, red where not."""
    console = Console()
    console.width = max(console.width, WIDTH)
    console.print(_speeds(report))
    console.print(_footprints(report))
    console.print(_trust(report))
    console.print(
        f"{report.processors} processors shared with the load of {report.connections} connections, "
        f"{report.service.workers} workers. Cells are service / floor, ratios are service over floor: "
        "for throughput more is better, for the rest less.",
        style="dim",
    )


def _speeds(report: Report) -> Table:
    table = Table(title="The service beside a bare route on the same server", box=box.SIMPLE)
    table.add_column("chart", no_wrap=True)
    for name in ("kB", "cards", "requests/s", "ratio", "goal", "p50 ms", "ratio", "p99 ms", "ratio", "CPU ms", "ratio"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in report.rows:
        ours, theirs, ratios = row.service, row.floor, row.ratios
        table.add_row(
            row.chart,
            f"{row.body_bytes / 1000:,.0f}",
            str(row.cards),
            f"{ours.per_second:,.0f} / {theirs.per_second:,.0f}",
            _throughput(row),
            "" if row.goal is None else f"{row.goal:.2f}",
            f"{ours.p50_ms:.1f} / {theirs.p50_ms:.1f}",
            f"{ratios.p50:.2f}",
            f"{ours.p99_ms:.1f} / {theirs.p99_ms:.1f}",
            f"{ratios.p99:.2f}",
            f"{ours.cpu_ms:.2f} / {theirs.cpu_ms:.2f}",
            "" if ratios.cpu is None else f"{ratios.cpu:.2f}",
        )
    return table


def _throughput(row: Row) -> Text:
    return _judged(f"{row.ratios.throughput:.2f}", None if row.goal is None else row.ratios.throughput >= row.goal)


def _footprints(report: Report) -> Table:
    table = Table(title="Start and memory", box=box.SIMPLE)
    table.add_column("")
    for name in ("ready after", "resident, largest worker", "resident, all processes"):
        table.add_column(name, justify="right")
    for name, taken in (("service", report.service), ("floor", report.floor)):
        table.add_row(name, *_footprint(taken, judged=name == "service"))
    table.add_row("goal", f"{START_AT_MOST_S:.1f} s", f"{WORKER_AT_MOST_MB:.0f} MB", "")
    return table


def _trust(report: Report) -> Table:
    table = Table(title="To know the caller, in production", box=box.SIMPLE)
    table.add_column("")
    table.add_column("ms", justify="right")
    for cost in report.trust:
        table.add_row(cost.what, f"{cost.us / 1000:.3f}")
    return table


def _footprint(taken: Footprint, *, judged: bool) -> tuple[Text, Text, Text]:
    return (
        _judged(f"{taken.start_s:.2f} s", taken.start_s < START_AT_MOST_S if judged else None),
        _judged(f"{taken.worker_mb:.0f} MB", taken.worker_mb < WORKER_AT_MOST_MB if judged else None),
        Text(f"{taken.tree_mb:.0f} MB"),
    )


def _judged(text: str, met: bool | None) -> Text:
    return Text(text, style="" if met is None else "green" if met else "bold red")
