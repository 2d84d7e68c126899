"""When a patient is on a drug: intervals, active, recent (CLINICAL 0.3), and the search for it with its gaps.

A search never answers a bare "no": it says what it could not see.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import msgspec

from . import dose
from .chart import Answer, Chart, DraftOrder, Source
from .drugs import Drug
from .findings import NotChecked
from .therapy import Therapy

STALE_DAYS = 30
"""An order still called active this long after its last day was left open by mistake (CLINICAL 0.3) [OURS]."""
MEDICATION_SOURCES: tuple[Source, ...] = ("medicationRequests", "medicationStatements", "medicationAdministrations")
SOURCE_NAMES: dict[Source, str] = {
    "patient": "patient",
    "conditions": "conditions",
    "medicationRequests": "medication orders",
    "medicationStatements": "medication statements",
    "medicationAdministrations": "medication administrations",
    "observations": "results",
    "allergies": "allergies",
    "procedures": "procedures",
    "immunizations": "immunizations",
    "encounter": "encounter",
}


def last_day(therapy: Therapy, *, as_of: dt.date | None = None) -> dt.date | None:
    """The last day of a therapy as the record states it, its dosage included; None where it is open or not stated.

    The days of a draft that names no date are counted from `as_of`, where that is given.
    """
    if therapy.source == "administration":
        return therapy.end or therapy.start
    if therapy.end is not None:
        return therapy.end
    if not therapy.may_end:
        return None
    start = therapy.start or (as_of if therapy.source == "draft" else None)
    return dose.course_end(therapy.regimen(), start=start)


def active(therapy: Therapy, on: dt.date) -> Answer:
    """Whether the drug is being taken on a day: status active and its last day not passed; that day itself counts."""
    if therapy.source == "administration":
        return "yes" if therapy.start == on else "no"
    if therapy.status == "unknown":
        return "unknown"
    if therapy.status not in ("active", "draft"):
        return "no"
    end = last_day(therapy)
    return "yes" if end is None or end >= on else "no"


def recent(therapy: Therapy, on: dt.date, days: int) -> Answer:
    """Whether the therapy ended 0 to `days` days before a day; the first and the last of them count.

    Unknown where it ended on a day that the record does not state and that may be so late. A drug on hold is history,
    not recent (CLINICAL 0.3).
    """
    if active(therapy, on) == "yes" or therapy.status == "on-hold":
        return "no"
    end = last_day(therapy)
    if end is not None and end <= on:
        return "yes" if (on - end).days <= days else "no"
    if therapy.status not in ("ended", "unknown"):
        return "no"
    latest = therapy.ended_by
    return "no" if latest is not None and (on - latest).days > days else "unknown"


def stale(therapy: Therapy, on: dt.date) -> bool:
    """Whether an order is still called active more than 30 days after its last day."""
    end = last_day(therapy)
    return therapy.status == "active" and end is not None and (on - end).days > STALE_DAYS


def first_day(therapy: Therapy, as_of: dt.date) -> dt.date:
    """The first day of a therapy; a draft without a date starts today (CLINICAL B.3)."""
    return therapy.start or as_of


def replaced(chart: Chart) -> frozenset[str]:
    """References of chart orders that a draft replaces: the same order signed again or stopped, or a prior prescription."""
    return frozenset(
        reference
        for draft in chart.drafts
        for reference in (draft.reference, draft.therapy.replaces if draft.therapy is not None else "")
        if reference
    )


def history(chart: Chart, drug: Drug) -> tuple[Therapy, ...]:
    """Every therapy with the drug that the record holds (EVER, CLINICAL 0.3), those that a draft replaces included."""
    there = drug.ingredients & chart.recorded
    if not there:
        return ()
    seen = {
        id(therapy): therapy
        for ingredient in sorted(there)
        for therapy in chart.therapies[ingredient]
        if drug.covers(therapy)
    }
    return tuple(seen.values())


def naive(chart: Chart, drug: Drug, *, days: int) -> bool:
    """Whether the patient never took the drug, or last more than `days` days ago; that day itself is not more."""
    return all(long_over(therapy, chart.as_of, days) for therapy in history(chart, drug))


def long_over(therapy: Therapy, on: dt.date, days: int) -> bool:
    """Whether a therapy surely ended more than `days` days before a day.

    One whose end the record does not state counts by the latest day that it may have ended on.
    """
    if active(therapy, on) != "no":
        return False
    last = last_day(therapy) or therapy.ended_by or (therapy.start if therapy.status == "on-hold" else None)
    return last is not None and (on - last).days > days


class Search(msgspec.Struct, frozen=True):
    """What a search for a drug found: the therapies, and what kept it from being complete (in words, source or not)."""

    found: tuple[Therapy, ...]
    gaps: tuple[NotChecked, ...] = ()


def therapies_of(chart: Chart, drug: Drug) -> tuple[Therapy, ...]:
    """Every chart therapy with the drug, whatever its time, those that a draft replaces left out."""
    there = (drug.ingredients | drug.unspecified) & chart.recorded
    if not there:
        return ()
    gone = replaced(chart)
    seen = {
        id(therapy): therapy
        for ingredient in sorted(there)
        for therapy in chart.therapies[ingredient]
        if therapy.reference not in gone
    }
    return tuple(seen.values())


def search(chart: Chart, drug: Drug, *, rule: str, recent_days: int | None, on: dt.date | None = None) -> Search:
    """Chart therapies with the drug that are active on a day, or ended at most `recent_days` before it.

    `recent_days` None asks for active ones only. A therapy whose product or time is not known is a gap, as is a list
    that could not be had.
    """
    day = on or chart.as_of
    found: list[Therapy] = []
    gaps: list[NotChecked] = []
    for therapy in therapies_of(chart, drug):
        answer = active(therapy, day)
        if answer == "no" and recent_days is not None:
            answer = recent(therapy, day, recent_days)
        if answer == "no":
            continue
        name = drug.name_in(therapy)
        if answer == "unknown":
            gaps.append(NotChecked(rule, f"when {name} was stopped"))
        elif drug.covers(therapy):
            found.append(therapy)
        elif drug.may_cover(therapy):
            gaps.append(NotChecked(rule, f"which product of {name}"))
    return Search(tuple(found), (*gaps, *list_gaps(chart, rule, MEDICATION_SOURCES)))


def list_gaps(chart: Chart, rule: str, sources: tuple[Source, ...]) -> Iterator[NotChecked]:
    """What is missing of the lists that a rule needs: whole lists, and entries that could not be read, drafts too."""
    yield from gaps_in(chart, rule, sources, (*sources, "draftOrders"))


def gaps_in(
    chart: Chart, rule: str, sources: tuple[Source, ...], with_entries: tuple[str, ...]
) -> Iterator[NotChecked]:
    """Lists that could not be had, and in one line the entries of these lists that could not be read."""
    if chart.whole:
        return
    for source in sources:
        if source in chart.missing_sources:
            yield NotChecked(rule, SOURCE_NAMES[source], source=True)
    unread = [entry for entry in chart.unread if entry.source in with_entries]
    if unread:
        many = f" and {len(unread) - 1} more" if len(unread) > 1 else ""
        yield NotChecked(rule, f"an entry that could not be read ({unread[0].where}){many}", source=True)


def missing_datum(chart: Chart, rule: str, what: str, source: Source, *, order: str = "") -> NotChecked:
    """A check that lacks a datum: named as such, or as what is missing of the list in which it would stand."""
    return next(gaps_in(chart, rule, (source,), (source,)), NotChecked(rule, what, order=order))


def judged_drafts(chart: Chart) -> tuple[DraftOrder, ...]:
    """The drafts that a hook asks about: the selected ones, which at order-sign are all; none at patient-view."""
    if chart.hook == "patient-view":
        return ()
    return tuple(draft for draft in chart.drafts if draft.selected)
