"""Infusions given in courses: how much at a time, how far apart within a course, and how far apart the courses are."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator, Sequence
from decimal import Decimal

import msgspec

from .. import dose
from ..chart import Chart, DraftOrder
from ..dose import Unknown
from ..drugs import Drug
from ..evidence import evidence_of, shown
from ..exposure import MEDICATION_SOURCES, judged_drafts, list_gaps
from ..facts import Situation
from ..findings import Evidence, NotChecked
from ..remedy import ChangeDosage, MoveDraft, Remedy, StepChange
from ..rule import Rule, Tier, Verdict
from ..therapy import Therapy
from ..tiers import age_gap, excluded, fitting_tier
from ..timeline import ORDER_DATE_UNCERTAINTY_DAYS, Given, days_given, undated
from .limit import index_of, lowered

ORDERED_ONLY = "a date is only that on which the order was written"


class InCourses(Rule, frozen=True, kw_only=True):
    """What the rules about courses share: infusions within `course_days` of the first one are one course, and one up to
    `late_days` after the only infusion ever is its late second dose (CLINICAL B.3)."""

    drugs: Drug
    course_days: int
    late_days: int

    JUDGES_DOSE = True

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns

    def longest_names(self) -> dict[str, str]:
        return {
            "drug": self.drugs.longest_name,
            "amount": "99999.99",
            "weeks": "99",
            "what": "3 infusions within 28 days",
        }

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        drafts = [d for d in judged_drafts(chart) if d.therapy is not None and self.drugs.covers(d.therapy)]
        open_drafts: list[DraftOrder] = []
        for draft in drafts:
            situation = Situation(draft=draft, therapy=draft.therapy)
            gap = age_gap(self.row, chart, situation)
            if gap is not None:
                yield gap
            elif not excluded(self.row, chart, situation):
                open_drafts.append(draft)
        if open_drafts:
            yield from self.judge(chart, open_drafts, days_given(chart, self.drugs))

    def judge(self, chart: Chart, drafts: Sequence[DraftOrder], infusions: tuple[Given, ...]) -> Iterator[Verdict]:
        """What the rule says about the drafts, among all infusions in order of time."""
        raise TypeError(f"{type(self).__name__} decides nothing")

    def courses(self, infusions: Sequence[Given]) -> list[list[Given]]:
        """The infusions in courses; a late second dose belongs to the course of the only infusion before it."""
        grouped: list[list[Given]] = []
        for given in infusions:
            last = grouped[-1] if grouped else None
            days = (given.day - last[0].day).days if last else 0
            late = len(grouped) == 1 and last is not None and len(last) == 1 and days <= self.late_days
            if last is not None and (days <= self.course_days or late):
                last.append(given)
            else:
                grouped.append([given])
        return grouped

    def uncertain(self, infusions: Sequence[Given], days: int) -> bool:
        """Whether an interval that is `days` from its limit rests on a date that is only that of an order's writing."""
        return days <= ORDER_DATE_UNCERTAINTY_DAYS and not all(given.certain for given in infusions)

    def planned(self, infusions: Sequence[Given], drafts: Sequence[DraftOrder]) -> list[Given]:
        """The infusions that these drafts plan."""
        return [given for given in infusions if any(given.draft is draft for draft in drafts)]

    def tell(
        self,
        tier: Tier,
        draft: DraftOrder,
        therapy: Therapy,
        *,
        names: dict[str, str],
        evidence: tuple[Evidence, ...] = (),
        found: tuple[str, ...] = (),
        caveats: tuple[str, ...] = (),
        remedies: tuple[Remedy, ...] = (),
    ) -> Verdict:
        return self.row.finding(
            tier,
            names={"drug": self.drugs.name_in(therapy), **names},
            orders=(draft.reference,),
            evidence=evidence,
            found=(shown(therapy), *found),
            caveats=caveats,
            remedies=remedies,
        )


def by_size(therapy: Therapy) -> bool:
    """Whether the order doses by body surface or weight, which is another scheme than fixed doses."""
    single = dose.single_dose(therapy.regimen())
    return isinstance(single, dose.Amount) and single.unit in ("mg/m2", "mg/kg")


def says_nothing(therapy: Therapy) -> bool:
    """Whether an order tells neither a dose nor when it is given, but in words perhaps: it may be for two infusions."""
    steps = dose.steps(therapy.regimen())
    return all(isinstance(s.dose, Unknown) and isinstance(s.frequency, Unknown) and not s.dates for s in steps)


class CourseDose(InCourses, frozen=True, kw_only=True):
    """Fires where one infusion gives more mg than a tier's `above`, or less than its `below`: those of case "first" in a
    first course, those of case "repeat" in any later one. A dose by body surface is the case "by-size".

    At the figures it is silent. The remedy lowers the dose to `reduce_to` mg.
    """

    reduce_to: int | None = None

    PLACEHOLDERS = ("drug", "amount")
    CASES = ("", "first", "repeat", "by-size")
    REMEDIES = ("reduce",)

    def judge(self, chart: Chart, drafts: Sequence[DraftOrder], infusions: tuple[Given, ...]) -> Iterator[Verdict]:
        courses = self.courses(infusions)
        for draft in drafts:
            therapy = draft.therapy
            if therapy is None:
                continue
            name = self.drugs.name_in(therapy)
            single = dose.single_dose(therapy.regimen())
            if isinstance(single, Unknown) or single.unit not in ("mg", "mg/m2", "mg/kg"):
                yield NotChecked(self.row.id, f"the dose of {name}")
                continue
            situation = Situation(draft=draft, therapy=therapy)
            repeat = not any(g.draft is draft for g in courses[0])
            cases = ("by-size",) if single.unit != "mg" else ("", "repeat" if repeat else "first")
            for case in cases:
                tier, because = fitting_tier(self.row, chart, situation, case=case, amount=single)
                if tier is None:
                    continue
                number = single.low if tier.below is not None else single.high
                yield self.tell(
                    tier,
                    draft,
                    therapy,
                    names={"amount": dose.plain(number)},
                    evidence=because,
                    found=(f"{dose.plain(number)} {single.unit} in one infusion",),
                    remedies=self.remedies(draft, therapy, tier),
                )
                if case == "first":
                    yield from list_gaps(chart, self.row.id, MEDICATION_SOURCES)
                break

    def remedies(self, draft: DraftOrder, therapy: Therapy, tier: Tier) -> tuple[Remedy, ...]:
        """The dose of the table; nothing is ever raised."""
        if "reduce" not in self.row.remedies or self.reduce_to is None or tier.above is None:
            return ()
        target = Decimal(self.reduce_to)
        changes = lowered(therapy.regimen(), "dose", target)
        label = f"Lower {self.drugs.name_in(therapy)} to {self.reduce_to} mg per infusion"
        return (Remedy(label, (ChangeDosage(draft.reference, changes),)),) if changes else ()


class CourseGeometry(InCourses, frozen=True, kw_only=True):
    """Fires where a course is not two infusions about `apart_days` apart.

    Case "early": the second less than `least_days` after the first. Case "late": more than `most_days` after the only
    infusion ever, up to `late_days`. Case "single": a first course with one infusion, none given in the last
    `most_days` and none planned. Case "third": a third within the course. A scheme by body size is not judged.
    A date that is only that of an order's writing makes it a remark within 14 days of the limit (CLINICAL B.3).
    """

    apart_days: int
    least_days: int
    most_days: int

    PLACEHOLDERS = ("drug", "what")
    CASES = ("early", "late", "single", "third")
    REMEDIES = ("move-second",)

    def judge(self, chart: Chart, drafts: Sequence[DraftOrder], infusions: tuple[Given, ...]) -> Iterator[Verdict]:
        if any(by_size(given.therapy) for given in infusions if given.draft is not None):
            return
        courses = self.courses(infusions)
        told: set[str] = set()
        for number, course in enumerate(courses):
            mine = [
                given for given in self.planned(course, drafts) if given.draft and given.draft.reference not in told
            ]
            if not mine:
                continue
            case, what, about = self.case_of(course, mine, first=number == 0)
            tier, because = (
                fitting_tier(self.row, chart, Situation(draft=about.draft), case=case) if case else (None, ())
            )
            if tier is None or about.draft is None:
                continue
            told.add(about.draft.reference)
            if case == "single" and says_nothing(about.therapy):
                name = self.drugs.name_in(about.therapy)
                yield NotChecked(self.row.id, f"how often {name} is given", order=about.draft.reference)
                continue
            unsure = self.is_unsure(course, case)
            yield self.tell(
                msgspec.structs.replace(tier, severity="info") if unsure else tier,
                about.draft,
                about.therapy,
                names={"what": what},
                evidence=tuple(evidence_of(g.therapy) for g in course if g.draft is None) + because,
                found=tuple(f"infusion on {given.day.isoformat()}" for given in course),
                caveats=(ORDERED_ONLY,) if unsure else (),
                remedies=self.remedies(course, case),
            )
        if self.planned(courses[0], drafts):
            yield from list_gaps(chart, self.row.id, MEDICATION_SOURCES)

    def case_of(self, course: list[Given], mine: list[Given], *, first: bool) -> tuple[str, str, Given]:
        """What is wrong with a course, in a few words, and the planned infusion that makes it so; "" where nothing is."""
        gap = (course[1].day - course[0].day).days if len(course) > 1 else 0
        if len(course) > 2 and course[2].draft is not None:
            return "third", f"{len(course)} infusions within {self.course_days} days", course[2]
        planned = next((given for given in course[:2] if given.draft is not None and given in mine), mine[0])
        if len(course) > 1 and gap < self.least_days:
            return "early", f"{gap} days apart", course[1] if course[1].draft is not None else planned
        if len(course) > 1 and gap > self.most_days and first and course[1].draft is not None:
            return "late", f"{gap} days apart", course[1]
        if first and len(course) == 1:
            return "single", "one infusion", planned
        return "", "", planned

    def is_unsure(self, course: list[Given], case: str) -> bool:
        """Whether what is wrong with a course may be so by an uncertain date alone."""
        if case == "third":
            return self.uncertain(course[:3], self.course_days - (course[2].day - course[0].day).days)
        return case == "early" and self.uncertain(course[:2], self.least_days - (course[1].day - course[0].day).days)

    def remedies(self, course: list[Given], case: str) -> tuple[Remedy, ...]:
        """The second infusion at its day: its own order moved, or its date in the order of both."""
        if case != "early" or "move-second" not in self.row.remedies:
            return ()
        first, second = course[0], course[1]
        target = first.day + dt.timedelta(days=self.apart_days)
        label = f"Move the second infusion to {target.isoformat()}"
        if second.draft is None:
            return ()
        if first.draft is not second.draft:
            days = (target - second.day).days
            return (Remedy(label, (MoveDraft(order=second.draft.reference, days=days, from_day=second.day),)),)
        steps = dose.steps(second.therapy.regimen())
        if len(steps) != 1 or steps[0].dates[:2] != (first.day, second.day):
            return ()
        dates = (first.day, target, *steps[0].dates[2:])
        words = dose.in_words(dose.Regimen(phases=((msgspec.structs.replace(steps[0], dates=dates),),)))
        change = StepChange(index=index_of(steps[0]), dates=dates, text=words or label)
        return (Remedy(label, (ChangeDosage(second.draft.reference, (change,)),)),)


class CourseInterval(InCourses, frozen=True, kw_only=True):
    """Fires where a course is repeated too early after the start of the one before: less than `early_days` is the case
    "early", less than `usual_days` the case "short"; at `usual_days` it is silent. An order that begins with the second
    infusion of the only course, more than `most_days` after the first, is the late second one and no repeat.

    A date that is only that of an order's writing makes it a remark within 14 days of the limit. The remedy moves all
    infusions of the order to `repeat_days` after the last start.
    """

    most_days: int
    early_days: int
    usual_days: int
    repeat_days: int

    PLACEHOLDERS = ("drug", "weeks")
    CASES = ("early", "short")
    REMEDIES = ("move-course",)

    def judge(self, chart: Chart, drafts: Sequence[DraftOrder], infusions: tuple[Given, ...]) -> Iterator[Verdict]:
        courses = self.courses(infusions)
        told: set[str] = set()
        for before, course in itertools.pairwise(courses):
            mine = self.planned(course[:1], drafts)
            if not mine:
                continue
            days = (course[0].day - before[0].day).days
            case = "early" if days < self.early_days else "short" if days < self.usual_days else ""
            draft, therapy = mine[0].draft, mine[0].therapy
            if not case or draft is None or draft.reference in told or self.is_late_second(before, draft):
                continue
            tier, because = fitting_tier(self.row, chart, Situation(draft=draft, therapy=therapy), case=case)
            if tier is None:
                continue
            told.add(draft.reference)
            limit = self.early_days if case == "early" else self.usual_days
            uncertain = self.uncertain(before[:1], limit - days)
            yield self.tell(
                msgspec.structs.replace(tier, severity="info") if uncertain else tier,
                draft,
                therapy,
                names={"weeks": str(days // 7)},
                evidence=tuple(evidence_of(g.therapy) for g in before if g.draft is None) + because,
                found=(f"last course from {before[0].day.isoformat()}, {days} days before",),
                caveats=(ORDERED_ONLY,) if uncertain else (),
                remedies=self.remedies(draft, therapy, before[0].day, course[0].day),
            )
        if not told:
            yield from list_gaps(chart, self.row.id, MEDICATION_SOURCES)
            yield from undated(chart, self.drugs, self.row.id)

    def is_late_second(self, course: list[Given], draft: DraftOrder) -> bool:
        """Whether an order begins with the late second infusion of a course."""
        if len(course) < 2 or course[0].draft is draft or course[1].draft is not draft:
            return False
        return (course[1].day - course[0].day).days > self.most_days

    def remedies(self, draft: DraftOrder, therapy: Therapy, last: dt.date, planned: dt.date) -> tuple[Remedy, ...]:
        """The whole order later."""
        if "move-course" not in self.row.remedies:
            return ()
        target = last + dt.timedelta(days=self.repeat_days)
        move = MoveDraft(order=draft.reference, days=(target - planned).days, from_day=planned)
        return (Remedy(f"Move {self.drugs.name_in(therapy)} to {target.isoformat()}", (move,)),)
