"""The therapies of a record in words: what is taken, since when, how much, and when the next infusion is due."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Literal

import msgspec

from . import dose
from .chart import Chart
from .drugs import Drug
from .exposure import active, therapies_of
from .findings import Citation, Finding
from .therapy import Therapy
from .timeline import days_given


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A drug that is told: its amount `per` day or week; or, for infusions, days of giving that belong `together_days`
    from the first of them on, and are repeated `every_days` from start to start."""

    drugs: Drug
    per: Literal["day", "week"] = "day"
    together_days: int | None = None
    every_days: int | None = None


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """Which drugs are told, in their order; and the card of their own that a site may ask for."""

    id: str
    number: int
    summary: str
    why: tuple[str, ...]
    citations: tuple[Citation, ...]
    told: tuple[Told, ...]
    own_card: bool = False

    def lines(self, chart: Chart) -> tuple[str, ...]:
        """One line for each drug that is being taken or was infused lately; none where there is none."""
        return tuple(line for told in self.told for line in _lines(chart, told))

    def beside(self, chart: Chart, findings: list[Finding]) -> list[Finding]:
        """The findings of an opened chart, the therapies told on the leading one or, where a site wants it, on a card of
        their own. Without a finding and without that wish nothing is said."""
        if chart.hook != "patient-view" or not (findings or self.own_card):
            return findings
        lines = self.lines(chart)
        if not lines:
            return findings
        if not self.own_card:
            return [msgspec.structs.replace(findings[0], therapies=lines), *findings[1:]]
        own = Finding(
            rule=self.id,
            number=self.number,
            severity="info",
            summary=self.summary.format_map({"count": len(lines)}),
            why=self.why,
            citations=self.citations,
            therapies=lines,
        )
        return [*findings, own]


def _lines(chart: Chart, told: Told) -> Iterator[str]:
    if told.every_days is not None and told.together_days is not None:
        yield from _infused(chart, told.drugs, told.together_days, told.every_days)
        return
    for therapy in therapies_of(chart, told.drugs):
        known = told.drugs.covers(therapy) or told.drugs.may_cover(therapy)
        if known and active(therapy, chart.as_of) == "yes" and therapy.source != "administration":
            yield _taken(told, therapy)


def _taken(told: Told, therapy: Therapy) -> str:
    regimen = therapy.regimen(min((told.drugs.ingredients & therapy.ingredients) or therapy.ingredients))
    words = dose.in_words(regimen) or "dose not known"
    amount = dose.weekly_amount(regimen) if told.per == "week" else dose.average_daily_amount(regimen)
    total = ""
    if isinstance(amount, dose.Amount) and len(regimen.phases) == 1 and amount.low == amount.high:
        figure = f"{dose.plain(amount.high)} {amount.unit}"
        total = "" if words.startswith(f"{figure} ") else f", {figure} per {told.per}"
    since = f", since {therapy.start.isoformat()}" if therapy.start is not None else ""
    return f"{told.drugs.name_in(therapy)} {words}{total}{since}"


def _infused(chart: Chart, drug: Drug, together_days: int, every_days: int) -> Iterator[str]:
    days = [given for given in days_given(chart, drug) if given.day <= chart.as_of]
    starts: list[dt.date] = []
    for given in days:
        if not starts or (given.day - starts[-1]).days >= together_days:
            starts.append(given.day)
    if not starts:
        return
    last = starts[-1]
    due = last + dt.timedelta(days=every_days)
    times = "once" if len(starts) == 1 else f"{len(starts)} times since {starts[0].isoformat()}"
    line = f"{drug.name_in(days[-1].therapy)} {times}, last from {last.isoformat()}"
    if (chart.as_of - due).days < every_days:
        line += f", next {'due' if due >= chart.as_of else 'was due'} {due.isoformat()}"
    yield line
