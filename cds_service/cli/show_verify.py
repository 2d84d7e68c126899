"""Shows a conformance report in a terminal: a table for each group, failures in red, and the sum in one line."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..verify.report import summary
from ..verify.results import Report, Result

_COLOURS = {"pass": "green", "fail": "bold red", "not tried": "dim"}


def show_report(console: Console, report: Report) -> None:
    """Every check with its result; what comes from the service is text, never markup."""
    table = Table(box=box.SIMPLE, title=Text(report.address), title_justify="left")
    for heading in ("check", "level", "what", "result"):
        table.add_column(heading, overflow="fold")
    group = ""
    for result in report.results:
        if result.check.group != group:
            group = result.check.group
            table.add_section()
            table.add_row(Text(group, style="bold"))
        table.add_row(
            result.check.id, result.check.level, _what(result), Text(result.outcome, _COLOURS[result.outcome])
        )
    console.print(table)
    console.print(Text(summary(report)))


def _what(result: Result) -> Text:
    check = result.check
    text = Text(check.title, style="dim" if result.outcome == "not tried" else "")
    text.append(f" [{check.section}: {', '.join(check.lines)}]", style="dim")
    if result.note:
        note = "".join(letter for letter in result.note if letter.isprintable())
        text.append(f"\n{note}", style="red" if result.outcome == "fail" else "dim")
    return text
