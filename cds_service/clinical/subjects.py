"""Whom a rule judges: the drafts that a hook asks about, or at patient-view what is taken; and what runs beside it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from .chart import Chart, DraftOrder
from .drugs import Drug
from .exposure import active, first_day, judged_drafts, last_day, therapies_of
from .facts import Situation
from .therapy import Therapy


class Subject(msgspec.Struct, frozen=True):
    """A therapy that is judged; `draft` is its order where it is not signed yet."""

    therapy: Therapy
    draft: DraftOrder | None = None

    @property
    def situation(self) -> Situation:
        """What facts are asked about."""
        return Situation(draft=self.draft, therapy=self.therapy)


def subjects(chart: Chart, drug: Drug) -> Iterator[Subject]:
    """The therapies that surely contain the drug and that this hook asks about, in the order of basket or chart."""
    if chart.hook != "patient-view":
        for draft in judged_drafts(chart):
            if draft.therapy is not None and drug.covers(draft.therapy):
                yield Subject(draft.therapy, draft)
        return
    for therapy in therapies_of(chart, drug):
        if therapy.source != "administration" and drug.covers(therapy) and active(therapy, chart.as_of) == "yes":
            yield Subject(therapy)


def alongside(chart: Chart, drug: Drug, subject: Subject) -> tuple[Therapy, ...]:
    """Other orders of the drug that run at the same time and that the subject does not replace (CLINICAL D.4).

    Orders taken only as needed are left out, and administrations, which carry out orders. A statement counts only where
    no order of the drug is active: it tells the same course again. Beside a statement nothing is counted.
    """
    therapy = subject.therapy
    if therapy.source == "statement":
        return ()
    drafts = [
        draft.therapy
        for draft in chart.drafts
        if draft.therapy is not None and draft.therapy is not therapy and drug.covers(draft.therapy)
    ]
    charted = [
        other
        for other in therapies_of(chart, drug)
        if other is not therapy and drug.covers(other) and active(other, chart.as_of) == "yes"
    ]
    orders = [other for other in charted if other.source == "request"]
    told = [other for other in charted if other.source == "statement"] if not orders and subject.draft else []
    return tuple(
        other
        for other in (*orders, *told, *drafts)
        if overlap(chart, therapy, other) and not any(step.prn for phase in other.regimen().phases for step in phase)
    )


def overlap(chart: Chart, one: Therapy, other: Therapy) -> bool:
    """Whether two therapies share a day; what has no end runs on."""
    first, last = first_day(one, chart.as_of), last_day(one, as_of=chart.as_of)
    begin, end = first_day(other, chart.as_of), last_day(other, as_of=chart.as_of)
    return (end is None or end >= first) and (last is None or last >= begin)
