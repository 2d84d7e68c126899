"""Treatment that is judged too early: a drug that works late was begun only a short time ago."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from ..chart import Chart, DraftOrder
from ..drugs import Drug
from ..earlier import course_start, goes_on, harmed
from ..evidence import evidence_of, shown
from ..exposure import MEDICATION_SOURCES, first_day, judged_drafts, list_gaps
from ..facts import Situation
from ..facts_disease import gate_unseen, unseen
from ..rule import Rule, Verdict
from ..therapy import Therapy
from ..tiers import excluded, fitting_tier
from ..timeline import Given, days_given, undated
from .indication import together, unique


class Latency(Rule, frozen=True, kw_only=True):
    """Fires for a new order of one of `drugs` where `slow` was begun less than `within_days` days before; at that day it
    is silent. An order of `slow` itself is none of these.

    Silent where one of `drugs` is being taken already and the order goes on with it, and where harm by `slow` is
    recorded.
    """

    slow: Drug
    drugs: Drug
    within_days: int

    PLACEHOLDERS = ("slow", "drug", "days")

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns

    def longest_names(self) -> dict[str, str]:
        return {"slow": self.slow.longest_name, "drug": self.drugs.longest_name, "days": "999"}

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        yield from together(self.each(chart))

    def each(self, chart: Chart) -> Iterator[Verdict]:
        """What the rule says about each draft by itself."""
        for draft in judged_drafts(chart):
            situation = Situation(draft=draft, therapy=draft.therapy)
            if self.turns_away(chart, draft) and not excluded(self.row, chart, situation):
                yield from self.judge(chart, draft, situation)

    def turns_away(self, chart: Chart, draft: DraftOrder) -> bool:
        """Whether a draft begins another drug."""
        therapy = draft.therapy
        if therapy is None or self.slow.covers(therapy) or not self.drugs.covers(therapy):
            return False
        return not goes_on(chart, self.drugs, therapy)

    def judge(self, chart: Chart, draft: DraftOrder, situation: Situation) -> Iterator[Verdict]:
        """What the rule says about one draft."""
        begun = self.begun(chart, draft)
        if harmed(chart, self.slow):
            return
        doubts = unique(
            (
                *gate_unseen(self.row, chart, situation),
                *list_gaps(chart, self.row.id, (*MEDICATION_SOURCES, "allergies")),
                *(undated(chart, self.slow, self.row.id) if begun is None else ()),
                *(unseen(self.row, chart, self.row.unless) if begun is not None else ()),
            )
        )
        if doubts:
            yield from (msgspec.structs.replace(gap, order=draft.reference) for gap in doubts)
            return
        if begun is None or begun.start is None:
            return
        planned = first_day(draft.therapy, chart.as_of) if draft.therapy is not None else chart.as_of
        if not 0 <= (planned - begun.start).days < self.within_days:
            return
        tier, because = fitting_tier(self.row, chart, situation)
        if tier is None:
            return
        name = self.drugs.name_in(draft.therapy) if draft.therapy is not None else ""
        yield self.row.finding(
            tier,
            names={
                "slow": self.slow.name_in(begun),
                "drug": name,
                "days": str(max(0, (chart.as_of - begun.start).days)),
            },
            orders=(draft.reference,),
            evidence=(evidence_of(begun), *because),
            found=(shown(begun), *((shown(draft.therapy),) if draft.therapy is not None else ())),
        )

    def begun(self, chart: Chart, draft: DraftOrder) -> Therapy | None:
        """The therapy with which the last course of the slow drug began."""
        return course_start(chart, self.slow)


class CourseLatency(Latency, frozen=True, kw_only=True):
    """As its base for a slow drug that is given in courses: infusions within `course_days` of the first are one, and one
    up to `late_days` after the only infusion ever is its late second dose (CLINICAL B.3). A further course of the slow
    drug itself is judged too.
    """

    course_days: int
    late_days: int

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns | self.slow.concerns

    def turns_away(self, chart: Chart, draft: DraftOrder) -> bool:
        if draft.therapy is not None and self.slow.covers(draft.therapy):
            return self.opens_course(chart, draft)
        return super().turns_away(chart, draft)

    def opens_course(self, chart: Chart, draft: DraftOrder) -> bool:
        """Whether a draft of the slow drug begins a further course, or may do so by lists that could not be had."""
        given = self.past(chart)
        if not given:
            return any(source in chart.missing_sources for source in MEDICATION_SOURCES)
        days = (first_day(draft.therapy, chart.as_of) - given[0].day).days if draft.therapy is not None else 0
        only = len({each.day for each in self.every(chart)}) == 1
        return days > (self.late_days if only else self.course_days)

    def every(self, chart: Chart) -> list[Given]:
        """All infusions that were given so far, in order of time."""
        return [each for each in days_given(chart, self.slow) if each.draft is None and each.day <= chart.as_of]

    def past(self, chart: Chart) -> list[Given]:
        """The infusions of the last course."""
        every = self.every(chart)
        course: list[Given] = []
        for given in every:
            days = (given.day - course[0].day).days if course else 0
            late = len(course) == 1 and course[0] is every[0] and days <= self.late_days
            if course and days > self.course_days and not late:
                course = []
            course.append(given)
        return course

    def begun(self, chart: Chart, draft: DraftOrder) -> Therapy | None:
        course = self.past(chart)
        if not course:
            return None
        return msgspec.structs.replace(course[0].therapy, start=course[0].day)
