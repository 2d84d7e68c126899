"""A drug that is given once a week: ordered oftener, ordered without saying how often, or without naming the day."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import ClassVar

from .. import dose
from ..chart import Chart
from ..dose import WEEKDAYS, Amount, Frequency, Regimen, Step, Unknown, Weekday
from ..drugs import Drug
from ..evidence import evidence_of, shown
from ..exposure import list_gaps, naive
from ..facts import Situation
from ..remedy import ChangeDosage, DeleteDraft, Remedy, StepChange
from ..rule import Rule, Verdict
from ..subjects import Subject, alongside, subjects
from ..tiers import excluded, fitting_tier
from .limit import index_of

DAILY_CODES = frozenset(("QD", "BID", "TID", "QID", "AM", "PM", "BED"))
"""Abbreviations of the timing that mean every day, whatever the structure beside them says."""
NOTHING = Amount(low=Decimal(0), high=Decimal(0), unit="mg")


class OnceWeekly(Rule, frozen=True, kw_only=True):
    """What the rules about a weekly drug share: each order of it is judged alone."""

    drugs: Drug

    PLACEHOLDERS: ClassVar[tuple[str, ...]] = ("drug",)

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns

    def longest_names(self) -> dict[str, str]:
        return {"drug": self.drugs.longest_name}

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        for subject in subjects(chart, self.drugs):
            if not excluded(self.row, chart, subject.situation):
                yield from self.judge(chart, subject)

    def regimen(self, subject: Subject) -> Regimen:
        """The dosage of the order, with the amounts of this drug."""
        return subject.therapy.regimen(min(self.drugs.ingredients & subject.therapy.ingredients))

    def judge(self, chart: Chart, subject: Subject) -> Iterator[Verdict]:
        """What the rule says about one order."""
        raise TypeError(f"{type(self).__name__} decides nothing")

    def tell(
        self,
        chart: Chart,
        subject: Subject,
        *,
        case: str = "",
        amount: Amount | None = None,
        often: str = "",
        found: tuple[str, ...] = (),
        remedies: tuple[Remedy, ...] = (),
    ) -> Iterator[Verdict]:
        """The finding at the tier of this case, where one holds."""
        tier, because = fitting_tier(self.row, chart, subject.situation, case=case, amount=amount)
        if tier is None:
            return
        yield self.row.finding(
            tier,
            names={"drug": self.drugs.name_in(subject.therapy), "often": often},
            orders=(subject.therapy.reference,),
            evidence=(() if subject.draft else (evidence_of(subject.therapy),)) + because,
            found=(shown(subject.therapy), *found),
            remedies=remedies,
        )


class OftenerThanWeekly(OnceWeekly, frozen=True, kw_only=True):
    """Fires where a weekly drug is ordered oftener: the first of these that holds, for any step of the order.

    "contradiction": the text and the structured timing, or its abbreviation, say different things. "daily": at least
    `daily_from` times a week, an abbreviation that means every day, or a text that says daily and nothing that says
    weekly. "as-needed". "split": more than once a week, whose tiers judge the mg in a week (an unknown sum is above no
    figure). How often is not known: silent here. An order that is weekly by itself is judged with those beside it: on
    different days of the week they are one that is given oftener.

    The remedy sets once a week on one day: the dose itself where the order is daily and `usual_mg` (least, most) may be
    a weekly dose; the sum of two doses, at most the most, and at most `first_mg` for a patient who took none of the drug
    in `naive_days`. The draft may always be taken back.
    """

    daily_from: Decimal
    usual_mg: tuple[Decimal, Decimal]
    first_mg: Decimal
    naive_days: int

    PLACEHOLDERS = ("drug", "often")
    CASES = ("contradiction", "daily", "as-needed", "split")
    REMEDIES = ("weekly", "delete-draft")

    def longest_names(self) -> dict[str, str]:
        return {"drug": self.drugs.longest_name, "often": "every other day"}

    def judge(self, chart: Chart, subject: Subject) -> Iterator[Verdict]:
        regimen = self.regimen(subject)
        frequency = often_known(regimen)
        case = self.case_of(regimen, frequency)
        if not case:
            yield from self.over_orders(chart, subject, regimen)
            return
        total = dose.weekly_amount(regimen)
        yield from self.tell(
            chart,
            subject,
            case=case,
            amount=total if isinstance(total, Amount) and total.unit == "mg" else NOTHING,
            often=in_words(regimen, frequency),
            found=tuple(problem.text for problem in contradictions(regimen)),
            remedies=self.remedies(chart, subject, regimen),
        )

    def over_orders(self, chart: Chart, subject: Subject, regimen: Regimen) -> Iterator[Verdict]:
        """The order with those that run beside it (CLINICAL D.4): each once a week by itself, and on different days."""
        others = [
            other
            for other in alongside(chart, self.drugs, subject)
            if not excluded(self.row, chart, Situation(therapy=other))
        ]
        parts = [regimen, *(other.regimen(min(self.drugs.ingredients & other.ingredients)) for other in others)]
        days = {day for part in parts for day in dose.weekdays(part)}
        if len(days) <= 1 or not all(on_one_day(part) for part in parts):
            return
        amounts = [dose.weekly_amount(part) for part in parts]
        known = [amount.high for amount in amounts if isinstance(amount, Amount) and amount.unit == "mg"]
        total = sum(known, Decimal(0)) if len(known) == len(parts) else Decimal(0)
        yield from self.tell(
            chart,
            subject,
            case="daily" if len(days) >= self.daily_from else "split",
            amount=Amount(low=total, high=total, unit="mg"),
            often=times_a_week(Decimal(len(days))),
            found=tuple(shown(other) for other in others),
            remedies=self.cancel(subject),
        )

    def case_of(self, regimen: Regimen, frequency: Frequency | None) -> str:
        """What is wrong with how often the drug is ordered, or "" where nothing is seen to be."""
        if contradictions(regimen):
            return "contradiction"
        said = "daily" in regimen.words and "weekly" not in regimen.words
        if regimen.timing_code in DAILY_CODES or (said and (frequency is None or frequency.per_week_high > 1)):
            return "daily"
        if frequency is not None and frequency.per_week_high >= self.daily_from:
            return "daily"
        if dose.prn(regimen):
            return "as-needed"
        return "split" if frequency is not None and frequency.per_week_high > 1 else ""

    def remedies(self, chart: Chart, subject: Subject, regimen: Regimen) -> tuple[Remedy, ...]:
        """The weekly order that was probably meant, where the order tells it; taking the order back."""
        draft = subject.draft
        if draft is None:
            return ()
        name = self.drugs.name_in(subject.therapy)
        written: list[Remedy] = []
        if "weekly" in self.row.remedies and not dose.prn(regimen):
            starter = naive(chart, self.drugs, days=self.naive_days)
            changes = [self.once_a_week(step, starter) for phase in regimen.phases for step in phase]
            known = [change for change in changes if change is not None]
            if known and len(known) == len(changes) and all(len(phase) == 1 for phase in regimen.phases):
                label = f"Change {name} to {', then '.join(change.text for change in known)}"
                written.append(Remedy(label, (ChangeDosage(draft.reference, tuple(known)),)))
        return (*written, *self.cancel(subject))

    def cancel(self, subject: Subject) -> tuple[Remedy, ...]:
        """Taking the order back."""
        if subject.draft is None or "delete-draft" not in self.row.remedies:
            return ()
        name = self.drugs.name_in(subject.therapy)
        return (Remedy(f"Cancel this order of {name}", (DeleteDraft(subject.draft.reference),)),)

    def once_a_week(self, step: Step, starter: bool) -> StepChange | None:
        """The step once a week on one day, or None where its dose or its days do not tell what was meant."""
        single, frequency = step.dose, step.frequency
        if isinstance(single, Unknown) or isinstance(frequency, Unknown) or single.unit != "mg":
            return None
        fixed = single.low == single.high and frequency.per_week_low == frequency.per_week_high
        if not fixed or step.dates or step.days_per_cycle is not None:
            return None
        least, most = self.usual_mg
        if frequency.per_week_high >= self.daily_from:
            weekly = single.high if least <= single.high <= most else None
        elif frequency.per_week_high == 2:
            weekly = min(2 * single.high, most, self.first_mg if starter else most)
        else:
            weekly = None
        if weekly is None:
            return None
        days = one_day(step)
        return StepChange(
            index=index_of(step),
            dose=weekly,
            times=1,
            period_unit="wk",
            weekdays=days,
            text=f"{dose.plain(weekly)} mg once a week{dose.on_weekdays(days)}",
        )


class OftenUnclear(OnceWeekly, frozen=True, kw_only=True):
    """Fires where nothing in the order of a weekly drug says how often: neither its timing nor a word in its text."""

    def judge(self, chart: Chart, subject: Subject) -> Iterator[Verdict]:
        regimen = self.regimen(subject)
        said = ("daily" in regimen.words) != ("weekly" in regimen.words)
        frequency = dose.administrations_per_week(regimen)
        if isinstance(frequency, Unknown) and not said:
            yield from self.tell(chart, subject, found=(frequency.reason,))


class WeekdayMissing(OnceWeekly, frozen=True, kw_only=True):
    """Fires where a weekly order names no day of the week, nor the dates of giving. A single dose needs none."""

    def judge(self, chart: Chart, subject: Subject) -> Iterator[Verdict]:
        regimen = self.regimen(subject)
        steps = dose.steps(regimen)
        if any(step.weekdays or step.dates or step.count == 1 for step in steps):
            return
        frequency = dose.administrations_per_week(regimen)
        if isinstance(frequency, Unknown):
            weekly = "weekly" in regimen.words and "daily" not in regimen.words
        else:
            weekly = frequency.per_week_low == frequency.per_week_high == 1
        if weekly:
            yield from self.tell(chart, subject)
            if subject.therapy.community is None:
                yield from list_gaps(chart, self.row.id, ("encounter",))


def often_known(regimen: Regimen) -> Frequency | None:
    """The largest frequency that the order states: of its phases, and of its steps where a phase has an unknown one."""
    asked = [Regimen(phases=(phase,)) for phase in regimen.phases]
    asked += [Regimen(phases=((step,),)) for step in dose.steps(regimen)]
    known = [answer for part in asked if isinstance(answer := dose.administrations_per_week(part), Frequency)]
    return max(known, key=lambda frequency: frequency.per_week_high, default=None)


def contradictions(regimen: Regimen) -> tuple[dose.Problem, ...]:
    """Where the text, or the abbreviation of the timing, says another frequency than the structure."""
    return tuple(
        problem
        for problem in regimen.problems
        if problem.kind == "text-contradicts-structure"
        or (problem.kind == "contradiction" and problem.where.endswith(".timing.code"))
    )


def in_words(regimen: Regimen, frequency: Frequency | None) -> str:
    """How often in a few words: "daily", "twice daily", "every other day", "as needed", "3 times a week"."""
    rate = frequency.per_week_high if frequency is not None else Decimal(0)
    if rate > 7:
        return "twice daily" if rate == 14 else f"{dose.plain(rate / 7)} times daily"
    if rate == 7 or frequency is None or (rate <= 1 and regimen.timing_code in DAILY_CODES):
        return "as needed" if frequency is None and dose.prn(regimen) else "daily"
    if rate == Decimal("3.5"):
        return "every other day"
    if rate <= 1:
        return "as needed"
    return times_a_week(rate)


def times_a_week(rate: Decimal) -> str:
    """So many times a week in words."""
    return "twice a week" if rate == 2 else f"{dose.plain(rate)} times a week"


def on_one_day(regimen: Regimen) -> bool:
    """Whether an order is given once a week, always on the same named day."""
    frequency = often_known(regimen)
    return frequency is not None and frequency.per_week_high == 1 and len(set(dose.weekdays(regimen))) == 1


def one_day(step: Step) -> tuple[Weekday, ...]:
    """The first day of the week that the step names, else the one on which it starts; none where it states neither."""
    if step.weekdays:
        return step.weekdays[:1]
    return (WEEKDAYS[step.start.weekday()],) if step.start is not None else ()
