"""Shows cards in a terminal as an EHR would show them: colour by indicator, the detail, what can be done in a click."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.markdown import Markdown
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from .ehr import ShownCard
from .fixtures import Fixture

COLOURS = {"critical": "red", "warning": "yellow", "info": "blue"}


def show_cards(console: Console, cards: Sequence[ShownCard]) -> None:
    """Every card, in the order given; without any, that there is none."""
    if not cards:
        console.print("[green]No card:[/] checked, nothing to say.")
    for card in cards:
        console.print(_panel(card))


def fixture_table(fixtures: Iterable[Fixture]) -> Table:
    """Who is who among the synthetic patients."""
    table = Table(box=box.SIMPLE, title_justify="left")
    for heading in ("patient", "hook", "shows"):
        table.add_column(heading, overflow="fold")
    for fixture in fixtures:
        table.add_row(fixture.patient_id, fixture.hook, fixture.title)
    return table


def _panel(card: ShownCard) -> Panel:
    colour = COLOURS.get(card.indicator, "white")
    parts: list[RenderableType] = [Text(_plain(card.summary), style="bold")]
    if card.detail:
        parts += [Text(), Markdown(_plain(card.detail), hyperlinks=False)]
    if card.suggestions:
        parts += [Text(), *(Text(f"[ {_plain(suggestion.label)} ]", style="cyan") for suggestion in card.suggestions)]
    rules = ", ".join(_plain(note.rule) for note in card.extension.findings)
    title = Text(_plain(card.indicator).upper(), style=f"bold white on {colour}")
    return Panel(
        Group(*parts),
        title=title,
        title_align="left",
        subtitle=Text(f"{rules} · {_plain(card.source.label)}".strip(" ·"), style="dim"),
        subtitle_align="right",
        border_style=colour,
    )


def _plain(text: str) -> str:
    """Without control characters: a service's answer must not steer the terminal."""
    return "".join(letter for letter in text if letter.isprintable() or letter == "\n")
