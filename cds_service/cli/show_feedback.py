"""The report on feedback as a table for people, and as CSV and JSON for programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .feedback import GivenReason, Report

_FORMULA = ("=", "+", "-", "@")


def period(report: Report) -> str:
    """The days of a report in words."""
    if report.since and report.until:
        return f"Cards shown from {report.since} to {report.until}"
    if report.since:
        return f"Cards shown since {report.since}"
    return f"Cards shown until {report.until}" if report.until else "All cards"


NOTES = (
    "A card counts once, by its latest outcome, on the day it was shown. Ignored: shown, and nothing was heard of it.",
    "A service that runs writes what was shown once a minute. Unknown: ids that are not ours, or made with another key.",
)


def show_feedback(console: Console, report: Report) -> None:
    """The table, or that there is nothing yet."""
    if not report.lines:
        console.print(f"{period(report)}: nothing was shown or reported.")
        return
    table = Table(box=box.SIMPLE, title=period(report), title_justify="left")
    for heading in ("rule", *report.by):
        table.add_column(heading, no_wrap=True)
    for heading in ("shown", "accepted", "overridden", "ignored"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("overridden because", overflow="fold")
    for line in report.lines:
        counts = (line.shown, line.accepted, line.overridden, line.ignored)
        table.add_row(line.rule, *line.by, *map(count, counts), Text("\n".join(_reasons(line.reasons))))
    console.print(table)
    for note in NOTES:
        console.print(note, style="dim")


def write_csv(report: Report) -> str:
    """One line for each line of the table; text that a spreadsheet would take for a formula is quoted."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["rule", *report.by, "shown", "accepted", "overridden", "ignored", "reasons"])
    for line in report.lines:
        writer.writerow(
            [
                line.rule,
                *line.by,
                count(line.shown, ""),
                line.accepted,
                line.overridden,
                count(line.ignored, ""),
                _harmless("; ".join(_reasons(line.reasons))),
            ]
        )
    return text.getvalue()


def write_json(report: Report) -> str:
    """The whole report."""
    return msgspec.json.format(msgspec.json.encode(report)).decode()


def count(number: int | None, unknown: str = "-") -> str:
    """A number, or that nobody knows it."""
    return unknown if number is None else str(number)


def _reasons(reasons: Iterable[GivenReason]) -> list[str]:
    return [f"{reason.label}: {reason.cards}" for reason in reasons]


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
