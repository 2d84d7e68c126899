"""Shows how a dosage was understood, as tables in a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.console import Console
from rich.table import Table

from ..clinical.dose import plain
from .reading import Figure, Reading, StepReading


def show_reading(console: Console, reading: Reading) -> None:
    """One reading: the medication, the figures of the whole, each step, and what is contradictory or assumed."""
    names = ", ".join(reading.ingredients) or "not one of ours"
    console.print(f"[bold]{_plain(reading.medication) or 'dosage'}[/] ({names})")
    for strength in reading.strengths:
        console.print(f"  strength: {_plain(strength)}")
    console.print(f"  understood as: {_plain(reading.words) or 'nothing that is known'}\n")
    console.print(_table("the whole", reading.figures))
    for number, phase in enumerate(reading.phases, 1):
        for step in phase:
            console.print(_table(f"phase {number}: {step.origin}", step.figures, _length(step)))
    for problem in reading.problems:
        console.print(f"[yellow]{_plain(problem)}[/]")
    if reading.text_says:
        console.print(f"its text says: {', '.join(reading.text_says)}")


def _table(title: str, figures: tuple[Figure, ...], more: Iterator[tuple[str, str]] | None = None) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE)
    for heading in ("figure", "value", "from"):
        table.add_column(heading, overflow="fold")
    for figure in figures:
        table.add_row(figure.name, f"[red]{figure.words}[/]" if figure.unknown else figure.words, figure.origin)
    for name, value in more or ():
        table.add_row(name, value, "")
    return table


def _length(step: StepReading) -> Iterator[tuple[str, str]]:
    if step.weekdays:
        yield "on", ", ".join(step.weekdays)
    if step.dates:
        yield "dates", ", ".join(day.isoformat() for day in step.dates)
    if step.start is not None:
        yield "from", step.start.isoformat()
    if step.end is not None:
        yield "to", step.end.isoformat()
    if step.days is not None:
        yield "days", plain(step.days)
    if step.count is not None:
        yield "doses in all", str(step.count)
    if step.open_ended:
        yield "end", "none stated"
    if step.as_needed:
        yield "as needed", "yes"


def _plain(text: str) -> str:
    """Without control characters and markup: a record must not steer the terminal."""
    return "".join(letter for letter in text if letter.isprintable()).replace("[", r"\[")
