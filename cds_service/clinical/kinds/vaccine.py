"""Vaccines: a live one under immunosuppression, whichever of the two is ordered, and one that antibodies make useless."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import ClassVar, Literal

import msgspec

from .. import body, dose
from ..chart import ANY_VACCINE, Chart, DraftOrder, VaccineOrder
from ..dose import Amount, Unknown
from ..drugs import Drug
from ..evidence import evidence_of, shown
from ..exposure import MEDICATION_SOURCES, history, judged_drafts, list_gaps, search
from ..facts import Situation
from ..findings import SEVERITY_ORDER, Evidence, NotChecked
from ..glucocorticoids import Glucocorticoids, pulse_days
from ..remedy import DeleteDraft, Remedy
from ..results import unweighed
from ..rule import Rule, Tier, Verdict
from ..steroid_days import steroid_days
from ..subjects import subjects
from ..therapy import Therapy
from ..tiers import excluded, fitting_tier
from ..timeline import cycles, days_given, grams_per_kg

MONTH_DAYS = Decimal("30.4375")
LONGEST_VACCINE = 35


class Vaccines(Rule, frozen=True, kw_only=True):
    """What the rules on ordered vaccines share: `vaccine_names` prints those whose id would not do."""

    vaccine_names: dict[str, str] = msgspec.field(default_factory=dict)

    PLACEHOLDERS: ClassVar[tuple[str, ...]] = ("vaccine", "drug")

    @property
    def concerns(self) -> frozenset[str]:
        return frozenset((ANY_VACCINE,))

    def name_of(self, vaccine: str) -> str:
        """How a vaccine is printed."""
        return self.vaccine_names.get(vaccine, vaccine.replace("-", " "))

    def ordered(self, chart: Chart) -> Iterator[tuple[DraftOrder, VaccineOrder]]:
        """The vaccines among the drafts that the hook asks about."""
        for draft in judged_drafts(chart):
            if draft.vaccine is not None and not excluded(self.row, chart, Situation(draft=draft)):
                yield draft, draft.vaccine


class Suppressant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Drugs that make a live vaccine dangerous: taken, drafted, or ended at most `days` days before the vaccine.

    Without `days` at any time before. With `infusion` the days are those since the last dose, and more than `until_days`
    where that is given. `case` is that of its tiers; where `above` is given, a figure in mg per kg and `per`, it is "high"
    beyond the figure, else "low", for a dose that is not known as well.
    """

    drugs: Drug
    days: int | None = None
    infusion: bool = False
    until_days: int = -1
    case: Literal["high", "late"] = "high"
    above: Decimal | None = None
    per: Literal["day", "week"] = "day"


class Suppressed(msgspec.Struct, frozen=True):
    """One reason against a live vaccine: its case, its name on a card, and what shows it."""

    case: str
    name: str
    therapies: tuple[Therapy, ...]
    found: str = ""


class SteroidCourse(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A course of so much of the reference a day for so many days, not over for more than `after_days`; pulses within
    as many days count alike."""

    drugs: Drug
    at_least_mg_per_day: Decimal
    days: int
    gap_days: int
    after_days: int


class LiveVaccine(Vaccines, frozen=True, kw_only=True):
    """Fires for a live vaccine under immunosuppression: case "high" where that forbids it, "late" long after an infusion,
    "low" at a low dose. For a vaccine of `at_any_dose` a low dose is the case "any-dose".

    The converse is case "after": a draft of `starting` where a live vaccine was given at most `after_days` days ago, that
    day included. Whether a vaccine is live says the terminology, of `always_live` every one is; one of `not_local` by a
    local route is no vaccine.
    """

    suppressants: tuple[Suppressant, ...]
    course: SteroidCourse
    steroids: Glucocorticoids
    at_any_dose: frozenset[str]
    always_live: frozenset[str] = frozenset()
    not_local: frozenset[str]
    starting: Drug
    after_days: int

    CASES = ("high", "late", "low", "any-dose", "after")
    REMEDIES: ClassVar[tuple[str, ...]] = ("delete-draft",)

    @property
    def concerns(self) -> frozenset[str]:
        return self.starting.concerns | {ANY_VACCINE}

    def longest_names(self) -> dict[str, str]:
        names = [self.starting.longest_name, self.course_name]
        names += [each.drugs.longest_name for each in self.suppressants]
        return {"vaccine": "x" * LONGEST_VACCINE, "drug": max(names, key=len)}

    @property
    def course_name(self) -> str:
        """How a course of glucocorticoids is named on a card."""
        return f"{self.steroids.reference} >= {dose.plain(self.course.at_least_mg_per_day)} mg/day"

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        for draft, vaccine in self.ordered(chart):
            if vaccine.live is False or (vaccine.local and vaccine.vaccine in self.not_local):
                continue
            yield from self.judge(chart, draft, vaccine)
        yield from self.after_vaccine(chart)

    def judge(self, chart: Chart, draft: DraftOrder, vaccine: VaccineOrder) -> Iterator[Verdict]:
        """What the rule says about one vaccine; the most severe reason leads, the others are told with it."""
        day = max(vaccine.day or chart.as_of, chart.as_of)
        reasons = list(self.reasons(chart, day))
        tiers: list[tuple[Tier, tuple[Evidence, ...], Suppressed]] = []
        for reason in reasons:
            case = "any-dose" if reason.case == "low" and vaccine.vaccine in self.at_any_dose else reason.case
            tier, because = fitting_tier(self.row, chart, Situation(draft=draft), case=case)
            if tier is not None:
                tiers.append((tier, because, reason))
        if tiers and vaccine.live is None and vaccine.vaccine not in self.always_live:
            yield NotChecked(self.row.id, f"which {self.name_of(vaccine.vaccine)} vaccine", order=draft.reference)
            return
        if tiers:
            tiers.sort(key=lambda each: SEVERITY_ORDER[each[0].severity])
            tier, because, leading = tiers[0]
            therapies = {t.reference: t for _, _, reason in tiers for t in reason.therapies}
            yield self.row.finding(
                tier,
                names={"vaccine": self.name_of(vaccine.vaccine), "drug": leading.name},
                orders=(draft.reference, *(t.reference for t in therapies.values() if t.source == "draft")),
                evidence=tuple(evidence_of(t) for t in therapies.values() if t.source != "draft") + because,
                found=(
                    *(shown(therapy) for therapy in therapies.values()),
                    *(reason.found for _, _, reason in tiers if reason.found),
                ),
                remedies=self.remedies(draft, vaccine),
            )
        if not tiers or tiers[0][0].severity != "critical":
            yield from self.unseen(chart, draft, day)

    def remedies(self, draft: DraftOrder, vaccine: VaccineOrder) -> tuple[Remedy, ...]:
        """Taking the vaccine back."""
        if "delete-draft" not in self.row.remedies:
            return ()
        label = f"Cancel this order of {self.name_of(vaccine.vaccine)} vaccine"
        return (Remedy(label, (DeleteDraft(draft.reference),)),)

    def reasons(self, chart: Chart, day: dt.date) -> Iterator[Suppressed]:
        """Every reason against a live vaccine on a day."""
        for each in self.suppressants:
            near = self.near(chart, each, day)
            if not near:
                continue
            name = each.drugs.name_in(near[0])
            if each.above is None:
                yield Suppressed(each.case, name, near)
                continue
            amounts = [amount_per_kg(chart, therapy, each) for therapy in near]
            known = [amount.high for amount in amounts if isinstance(amount, Amount)]
            most = max(known, default=None)
            said = f"{dose.plain(most)} mg/kg per {each.per}" if most is not None else "dose per kg not known"
            yield Suppressed("high" if most is not None and most > each.above else "low", name, near, said)
        yield from self.steroid_reasons(chart, day)

    def near(self, chart: Chart, each: Suppressant, day: dt.date) -> tuple[Therapy, ...]:
        """The therapies with a suppressant that count on a day."""
        drafts = (draft.therapy for draft in chart.drafts if draft.therapy is not None)
        drafted = tuple(draft for draft in drafts if each.drugs.covers(draft))
        if each.infusion:
            given = [g for g in days_given(chart, each.drugs) if g.day <= day]
            since = (day - given[-1].day).days if given else None
            counts = since is not None and each.until_days < since <= (each.days or 0)
            return (given[-1].therapy,) if counts else ()
        if each.days is None:
            return (*history(chart, each.drugs), *drafted)
        return (*search(chart, each.drugs, rule=self.row.id, recent_days=each.days, on=day).found, *drafted)

    def steroid_reasons(self, chart: Chart, day: dt.date) -> Iterator[Suppressed]:
        """A course of glucocorticoids, or a pulse, that is not long enough over."""
        begin = day - dt.timedelta(days=self.course.after_days)
        days = steroid_days(chart, self.steroids, self.course.drugs)
        for stretch in days.stretches(self.course.at_least_mg_per_day, gap_days=self.course.gap_days):
            if (
                stretch.lasts(self.course.days)
                and stretch.first <= day
                and (stretch.last is None or stretch.last >= begin)
            ):
                therapies = tuple(
                    spell.therapy
                    for spell in days.spells
                    if spell.mg and spell.first <= day and (spell.last is None or spell.last >= stretch.first)
                )
                yield Suppressed("high", self.course_name, therapies)
        for pulse in self.steroids.pulses:
            given = [g for g in pulse_days(chart, self.steroids, pulse)[0] if begin <= g.day <= day]
            if given:
                yield Suppressed("high", f"{pulse.drugs.name_in(given[-1].therapy)} pulses", (given[-1].therapy,))

    def unseen(self, chart: Chart, draft: DraftOrder, day: dt.date) -> Iterator[NotChecked]:
        """What kept a reason from being seen."""
        for each in self.suppressants:
            if not each.infusion and each.days is not None:
                found = search(chart, each.drugs, rule=self.row.id, recent_days=each.days, on=day)
                yield from (msgspec.structs.replace(gap, order=draft.reference) for gap in found.gaps if not gap.source)
        yield from list_gaps(chart, self.row.id, MEDICATION_SOURCES)
        yield from unweighed(chart, self.row.id)

    def after_vaccine(self, chart: Chart) -> Iterator[Verdict]:
        """The converse: a drug that is ordered soon after a live vaccine."""
        if chart.hook == "patient-view":
            return
        begin = chart.as_of - dt.timedelta(days=self.after_days)
        recent = [i for i in chart.immunizations if i.live and i.day is not None and begin <= i.day <= chart.as_of]
        for subject in subjects(chart, self.starting):
            if excluded(self.row, chart, subject.situation):
                continue
            if not recent:
                yield from list_gaps(chart, self.row.id, ("immunizations",))
                return
            tier, because = fitting_tier(self.row, chart, subject.situation, case="after")
            if tier is not None:
                given = recent[0]
                yield self.row.finding(
                    tier,
                    names={
                        "vaccine": self.name_of(min(given.vaccines)),
                        "drug": self.starting.name_in(subject.therapy),
                    },
                    orders=(subject.therapy.reference,),
                    evidence=tuple(Evidence(i.reference, i.label, i.day) for i in recent) + because,
                    found=(shown(subject.therapy),),
                )


def amount_per_kg(chart: Chart, therapy: Therapy, each: Suppressant) -> Amount | Unknown:
    """How much a therapy gives in a day or a week, in mg per kg of body weight."""
    regimen = therapy.regimen(min(each.drugs.ingredients & therapy.ingredients))
    amount = dose.weekly_amount(regimen) if each.per == "week" else dose.daily_amount(regimen)
    weight = body.weight(chart)
    if isinstance(amount, Unknown) or amount.unit == "mg/kg":
        return amount
    return weight if isinstance(weight, Unknown) else dose.per_kg(amount, weight.value)


class Band(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So many months to wait after a cycle of less than `below` g per kg; without a figure after any more."""

    months: int
    below_g_per_kg: Decimal | None = None


class VaccineAfterAntibodies(Vaccines, frozen=True, kw_only=True):
    """Fires for one of the `vaccines` ordered less than so many months after the last day of a cycle of the drug, by the
    amount of the cycle; at that day it is silent. Where an amount that is not known decides, that is named."""

    drugs: Drug
    vaccines: frozenset[str]
    bands: tuple[Band, ...]

    PLACEHOLDERS = ("vaccine", "months", "drug")

    def longest_names(self) -> dict[str, str]:
        longest = max((self.name_of(vaccine) for vaccine in self.vaccines), key=len)
        return {"vaccine": longest, "months": "99", "drug": self.drugs.longest_name}

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        for draft, vaccine in self.ordered(chart):
            if vaccine.vaccine in self.vaccines:
                yield from self.judge(chart, draft, vaccine)

    def judge(self, chart: Chart, draft: DraftOrder, vaccine: VaccineOrder) -> Iterator[Verdict]:
        """What the rule says about one vaccine."""
        day = max(vaccine.day or chart.as_of, chart.as_of)
        unsure = False
        for cycle in reversed(cycles(g for g in days_given(chart, self.drugs) if g.day <= day)):
            grams = grams_per_kg(chart, cycle)
            since = (day - cycle.end).days
            waits = [band.months for band in self.bands if grams is None or self.holds(band, grams)]
            months = min(waits) if grams is None else waits[0]
            if since < months * MONTH_DAYS:
                tier, because = fitting_tier(self.row, chart, Situation(draft=draft))
                if tier is not None:
                    last = cycle.days[-1]
                    yield self.row.finding(
                        tier,
                        names={
                            "vaccine": self.name_of(vaccine.vaccine),
                            "months": str(months),
                            "drug": self.drugs.name_in(last.therapy),
                        },
                        orders=(draft.reference,),
                        evidence=(evidence_of(last.therapy), *because),
                        found=(f"last day {cycle.end.isoformat()}",)
                        + ((f"{dose.plain(grams)} g/kg",) if grams is not None else ()),
                    )
                return
            unsure = unsure or (grams is None and since < max(waits) * MONTH_DAYS)
        if unsure:
            yield NotChecked(self.row.id, f"how much {self.drugs.longest_name} was given", order=draft.reference)
            yield from unweighed(chart, self.row.id)
        yield from list_gaps(chart, self.row.id, MEDICATION_SOURCES)

    def holds(self, band: Band, grams: Decimal) -> bool:
        """Whether a band is that of an amount, or of less."""
        return band.below_g_per_kg is None or grams < band.below_g_per_kg
