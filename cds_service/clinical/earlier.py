"""Earlier treatment: what a patient was ever given, for how long, since when, and what was not tolerated."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import msgspec

from . import exposure
from .chart import Chart
from .drugs import Drug
from .evidence import evidence_of
from .exposure import active, first_day, history, last_day
from .facts import Situation, ask
from .findings import Evidence, NotChecked
from .therapy import Therapy
from .timeline import days_given

STOPPED_FOR_HARM = frozenset(("sintol", "salg"))
"""Why a therapy was ended: intolerance or allergy (HL7 medicationRequest-status-reason)."""
HARM_WORDS = frozenset("induced toxicity toxic adverse intolerance hypersensitivity due".split())
RENEWAL_GAP_DAYS = 30
"""Orders of a drug that follow each other with at most so many days between them are one course."""


def distinct(chart: Chart, drug: Drug) -> tuple[Therapy, ...]:
    """One therapy of the chart for each of the drugs that was ever prescribed; salts that are alike count as one."""
    found: dict[str, Therapy] = {}
    for therapy in history(chart, drug):
        for ingredient in sorted(therapy.ingredients & drug.ingredients):
            found.setdefault(drug.counted_as(ingredient), therapy)
    return tuple(found[name] for name in sorted(found))


def harmed(chart: Chart, drug: Drug) -> tuple[Evidence, ...]:
    """That the drug was stopped for intolerance, or that an allergy, an intolerance or an adverse reaction to it is
    recorded (TOX, CLINICAL 0.7)."""
    stopped = [evidence_of(t) for t in history(chart, drug) if not t.stopped_for.isdisjoint(STOPPED_FOR_HARM)]
    allergies = [
        Evidence(allergy.reference, allergy.label, allergy.recorded)
        for allergy in chart.allergies
        if not drug.ingredients.isdisjoint(allergy.substances)
    ]
    names = [name.lower() for parts, name in drug.names if len(parts) == 1]
    reactions = [
        Evidence(condition.reference, condition.label, condition.onset or condition.recorded)
        for condition in chart.conditions
        if not HARM_WORDS.isdisjoint((label := condition.label.lower()).replace("-", " ").split())
        and any(name in label for name in names)
    ]
    return (*stopped, *allergies, *reactions)


def is_taken(chart: Chart, drug: Drug) -> bool:
    """Whether an order or a statement of the drug is active, one that a draft replaces included."""
    return any(t.source != "administration" and active(t, chart.as_of) == "yes" for t in history(chart, drug))


def goes_on(chart: Chart, drug: Drug, therapy: Therapy) -> bool:
    """Whether that of the drugs which a therapy holds, or one that counts as the same, is being taken already."""
    there = drug.ingredients & chart.recorded
    if not there:
        return False
    mine = {drug.counted_as(each) for each in therapy.ingredients}
    same = frozenset(each for each in there if drug.counted_as(each) in mine)
    return bool(same) and is_taken(chart, msgspec.structs.replace(drug, ingredients=same))


def present(chart: Chart, drug: Drug, days: int) -> tuple[Therapy, ...]:
    """Therapies with the drug that are active, or ended at most `days` days ago, or are in the basket."""
    charted = [
        therapy
        for therapy in history(chart, drug)
        if active(therapy, chart.as_of) == "yes" or exposure.recent(therapy, chart.as_of, days) == "yes"
    ]
    drafted = [draft.therapy for draft in chart.drafts if draft.therapy is not None and drug.covers(draft.therapy)]
    return (*charted, *drafted)


def course_start(chart: Chart, drug: Drug) -> Therapy | None:
    """The first therapy of the last course of the drug: the earliest in the chain of its renewals (CLINICAL 0.3)."""
    return first_of_course(chart, history(chart, drug))


def first_of_course(chart: Chart, therapies: Iterable[Therapy]) -> Therapy | None:
    """The first of the therapies that follow each other up to the last of them."""
    begun = sorted(
        (t for t in therapies if t.start is not None and t.start <= chart.as_of),
        key=lambda t: t.start or chart.as_of,
    )
    first: Therapy | None = None
    reached = dt.date.min
    for therapy in begun:
        start = first_day(therapy, chart.as_of)
        if first is None or (start - reached).days > RENEWAL_GAP_DAYS:
            first, reached = therapy, start
        end = last_day(therapy) or therapy.ended_by or (chart.as_of if therapy.status == "active" else start)
        reached = max(reached, min(end, chart.as_of))
    return first


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Earlier or present treatment that settles a remark where all that the line names holds; `case` is the case of the
    tier that speaks then, "" for none: the remark is not made.

    `dmards`: at least so many DMARDs were ever prescribed. `ever`: each of these was ever given, the first of them over
    at least `span_days` from its first to its last day. `present`: it is active, in the basket, or ended at most
    `within_days` days ago. `running`: it is active since more than `over_days` days. `not_tolerated`: harm by it is
    recorded. `condition`: it is current since more than `over_days` days. `facts`: all are surely yes.
    """

    case: str = ""
    dmards: int = 0
    ever: tuple[Drug, ...] = ()
    span_days: int = 0
    present: Drug | None = None
    within_days: int = 0
    running: Drug | None = None
    condition: str = ""
    over_days: int = 0
    not_tolerated: Drug | None = None
    facts: tuple[str, ...] = ()

    def evidence(self, chart: Chart, situation: Situation, dmards: Drug | None) -> tuple[Evidence, ...]:
        """What shows that the line holds; nothing where it does not."""
        found: list[tuple[Evidence, ...]] = []
        if self.dmards and dmards is not None:
            prescribed = distinct(chart, dmards)
            found.append(told(prescribed) if len(prescribed) >= self.dmards else ())
        for number, drug in enumerate(self.ever):
            given = told(history(chart, drug))
            found.append(given if number or self.spans(chart, drug) else ())
        if self.present is not None:
            found.append(told(present(chart, self.present, self.within_days)))
        if self.running is not None:
            found.append(told(t for t in history(chart, self.running) if self.long_running(chart, t)))
        if self.condition:
            found.append(self.long_known(chart))
        if self.not_tolerated is not None:
            found.append(harmed(chart, self.not_tolerated))
        for name in self.facts:
            fact = ask(chart, name, situation)
            found.append(fact.evidence if fact.answer == "yes" else ())
        return tuple(evidence for part in found for evidence in part) if all(found) else ()

    def spans(self, chart: Chart, drug: Drug) -> bool:
        """Whether the drug's days of giving so far reach over `span_days`, from the first to the last of them."""
        if not self.span_days:
            return True
        days = [given.day for given in days_given(chart, drug) if given.draft is None and given.day <= chart.as_of]
        days += [until for t in history(chart, drug) if (until := stated_until(chart, t)) is not None]
        return bool(days) and (max(days) - min(days)).days >= self.span_days

    def undated(self, chart: Chart, rule: str) -> tuple[NotChecked, ...]:
        """What is not known of when the drug that must be `present` was stopped."""
        drug = self.present
        if drug is None:
            return ()
        unsure = [t for t in history(chart, drug) if exposure.recent(t, chart.as_of, self.within_days) == "unknown"]
        return (NotChecked(rule, f"when {drug.name_in(unsure[0])} was stopped"),) if unsure else ()

    def long_running(self, chart: Chart, therapy: Therapy) -> bool:
        """Whether a therapy is active since more than `over_days` days."""
        if therapy.source == "administration" or therapy.start is None or active(therapy, chart.as_of) != "yes":
            return False
        return (chart.as_of - therapy.start).days > self.over_days

    def long_known(self, chart: Chart) -> tuple[Evidence, ...]:
        """The condition, where it is current since more than `over_days` days."""
        return tuple(
            Evidence(known.reference, known.label, since)
            for known in chart.conditions
            if known.current
            and self.condition in known.concepts
            and (since := known.onset or known.recorded) is not None
            if (chart.as_of - since).days > self.over_days
        )


def stated_until(chart: Chart, therapy: Therapy) -> dt.date | None:
    """The last day so far on which a statement says that a drug was taken; None for anything else."""
    if therapy.source != "statement":
        return None
    if active(therapy, chart.as_of) == "yes":
        return chart.as_of
    return min(therapy.end, chart.as_of) if therapy.end is not None else None


def told(therapies: Iterable[Therapy]) -> tuple[Evidence, ...]:
    """Therapies as evidence."""
    return tuple(evidence_of(therapy) for therapy in therapies)
