"""Screening before a drug: tests that were not made, and an infection found that nobody treats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import ClassVar

import msgspec

from .. import results
from ..chart import Chart
from ..drugs import Drug
from ..evidence import shown
from ..exposure import MEDICATION_SOURCES, first_day, history, list_gaps, naive, search
from ..facts import ask, conditions
from ..facts_disease import gate_unseen, name_of
from ..findings import Evidence, NotChecked
from ..glucocorticoids import Glucocorticoids
from ..remedy import DeleteDraft, Remedy
from ..results import as_evidence, dated, newest_answer, ordered_tests, result_gaps
from ..rule import Rule, Verdict
from ..steroid_days import steroid_days
from ..subjects import Subject, subjects
from ..tiers import excluded, fitting_tier
from ..timeline import cycles, days_given, grams_per_kg
from .passive_antibody import PassiveAntibody
from .pneumocystis import Need
from .result import order_tests


class Blurred(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A drug whose cycles of more than `above_g_per_kg` make tests unreadable for so many days, the last one included.

    A cycle of unknown size counts. `tests` are then ordered as well, and the `caveat` is told.
    """

    drugs: Drug
    above_g_per_kg: Decimal
    days: int
    tests: tuple[str, ...]
    caveat: str

    def holds(self, chart: Chart) -> bool:
        """Whether such a cycle was given so recently."""
        given = [each for each in days_given(chart, self.drugs) if each.draft is None and each.day <= chart.as_of]
        for cycle in cycles(given):
            grams = grams_per_kg(chart, cycle)
            if (chart.as_of - cycle.end).days <= self.days and (grams is None or grams > self.above_g_per_kg):
                return True
        return False


class ScreeningRequired(Rule, frozen=True, kw_only=True):
    """Fires for an order of a drug where one of the `tests` has no result of whatever age; a test that gave no answer has
    none, and one in the basket silences.

    With `first_ever` only the first order ever of the drug is asked. The remedy orders what is missing, but not where a
    fact of `no_remedy_when` holds or in a visit of a class of `no_remedy_visits`.
    """

    drugs: Drug
    tests: tuple[str, ...]
    first_ever: bool = False
    no_remedy_when: tuple[str, ...] = ()
    no_remedy_visits: frozenset[str] = frozenset()
    blurred: tuple[Blurred, ...] = ()

    PLACEHOLDERS = ("drug",)
    REMEDIES: ClassVar[tuple[str, ...]] = ("order-tests",)

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns

    @property
    def facts(self) -> tuple[str, ...]:
        return self.no_remedy_when

    def longest_names(self) -> dict[str, str]:
        return {"drug": self.drugs.longest_name}

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        if self.first_ever and history(chart, self.drugs):
            return
        ordered = ordered_tests(chart)
        missing = tuple(test for test in self.tests if not has_result(chart, test) and test not in ordered)
        for subject in subjects(chart, self.drugs):
            if missing and not excluded(self.row, chart, subject.situation):
                yield from self.judge(chart, subject, missing)
                return

    def judge(self, chart: Chart, subject: Subject, missing: tuple[str, ...]) -> Iterator[Verdict]:
        """What the rule says about the first order, on behalf of all."""
        gaps = (
            *result_gaps(chart, self.row.id),
            *gate_unseen(self.row, chart, subject.situation),
            *(list_gaps(chart, self.row.id, MEDICATION_SOURCES) if self.first_ever else ()),
        )
        if gaps:
            yield from dict.fromkeys(gaps)
            return
        tier, because = fitting_tier(self.row, chart, subject.situation)
        if tier is None:
            return
        name = self.drugs.name_in(subject.therapy)
        blurs = [each for each in self.blurred if each.holds(chart)]
        tests = tuple(dict.fromkeys((*missing, *(test for each in blurs for test in each.tests))))
        offered = "order-tests" in self.row.remedies and not self.is_urgent(chart, subject)
        yield self.row.finding(
            tier,
            names={"drug": name},
            orders=(subject.therapy.reference,),
            evidence=because,
            found=(shown(subject.therapy), *(f"no result of {name_of(test)}" for test in missing)),
            caveats=tuple(each.caveat for each in blurs),
            remedies=(order_tests(tests, f"before {name}"),) if offered else (),
        )

    def is_urgent(self, chart: Chart, subject: Subject) -> bool:
        """Whether nothing is to be ordered first."""
        if chart.encounter_class in self.no_remedy_visits:
            return True
        return any(ask(chart, name, subject.situation).answer == "yes" for name in self.no_remedy_when)


class Start(msgspec.Struct, frozen=True):
    """An order that starts a drug, and the case of its tiers."""

    subject: Subject
    drug: Drug
    case: str

    @property
    def name(self) -> str:
        """How the drug is printed."""
        return self.drug.name_in(self.subject.therapy)


class AtStart(Rule, frozen=True, kw_only=True):
    """What the rules share that are asked at the start of a drug.

    It is a start where the drug was not taken in the last `naive_days` days, and of glucocorticoids where the order
    begins a course that meets `need`. Tiers of case "stronger" speak of the drugs of `stronger`.
    """

    drugs: Drug
    stronger: Drug
    courses: Drug
    need: Need
    steroids: Glucocorticoids
    naive_days: int
    tests: tuple[str, ...]
    treated_by: Drug

    PLACEHOLDERS: ClassVar[tuple[str, ...]] = ("drug",)

    def __post_init__(self) -> None:
        self.steroids.refuse_unknown(self.courses)

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns | self.stronger.concerns | self.courses.concerns

    def longest_names(self) -> dict[str, str]:
        return {"drug": max((each.longest_name for each in (self.drugs, self.stronger, self.courses)), key=len)}

    def starts(self, chart: Chart) -> Iterator[Start | NotChecked]:
        """The orders that are a start, those of the stronger drugs first; a course of unknown dose is named."""
        for drug, case in ((self.stronger, "stronger"), (self.drugs, ""), (self.courses, "")):
            for subject in subjects(chart, drug):
                if excluded(self.row, chart, subject.situation):
                    continue
                begins = self.by_dose(chart, subject) if drug is self.courses else self.is_new(chart, drug, subject)
                if isinstance(begins, NotChecked):
                    yield begins
                elif begins:
                    yield Start(subject, drug, case)

    def is_new(self, chart: Chart, drug: Drug, subject: Subject) -> bool:
        """Whether an order starts its drug."""
        own = msgspec.structs.replace(drug, ingredients=drug.ingredients & subject.therapy.ingredients)
        return naive(chart, own, days=self.naive_days)

    def by_dose(self, chart: Chart, subject: Subject) -> bool | NotChecked:
        """Whether an order starts a course of glucocorticoids that is high and long enough."""
        therapy = subject.therapy
        taken = steroid_days(chart, self.steroids, self.courses)
        if any(unsure is therapy for unsure in taken.unsure):
            what = f"the dose of {self.courses.name_in(therapy)}"
            return NotChecked(self.row.id, what, order=therapy.reference)
        begin = first_day(therapy, chart.as_of)
        own = [spell for spell in taken.spells if spell.therapy is therapy and spell.mg]
        return any(
            stretch.first >= begin
            and stretch.lasts(self.need.days)
            and any(spell.last is None or spell.last >= stretch.first for spell in own)
            for stretch in taken.stretches(self.need.at_least_mg_per_day, gap_days=self.need.gap_days)
        )


class ScreeningAtStart(AtStart, frozen=True, kw_only=True):
    """Fires at the start of a drug where none of the `tests` has a result of the last `within_days` days, the last one
    included; a test in the basket silences, and a treatment ever with `treated_by`. The remedy orders `preferred`.

    It is a start where the drug was not taken in the last `naive_days` days, and of glucocorticoids where the order
    begins a course that meets `need`. Tiers of case "stronger" speak of the drugs of `stronger`. One start is told.
    """

    within_days: int
    preferred: tuple[str, ...]

    CASES = ("", "stronger")
    REMEDIES: ClassVar[tuple[str, ...]] = ("order-tests",)

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        if not ordered_tests(chart).isdisjoint(self.tests) or history(chart, self.treated_by):
            return
        if any(has_result(chart, test, self.within_days) for test in self.tests):
            return
        for start in self.starts(chart):
            if isinstance(start, NotChecked):
                yield start
            else:
                yield from self.judge(chart, start)
                return

    def judge(self, chart: Chart, start: Start) -> Iterator[Verdict]:
        """What the rule says about a start."""
        situation = start.subject.situation
        gaps = (
            *result_gaps(chart, self.row.id),
            *gate_unseen(self.row, chart, situation),
            *list_gaps(chart, self.row.id, MEDICATION_SOURCES),
        )
        tier, because = fitting_tier(self.row, chart, situation, case=start.case)
        if gaps:
            yield from dict.fromkeys(gaps)
        elif tier is not None:
            reason = f"before {start.name}"
            yield self.row.finding(
                tier,
                names={"drug": start.name},
                orders=(start.subject.therapy.reference,),
                evidence=because,
                found=(shown(start.subject.therapy),),
                remedies=(order_tests(self.preferred, reason),) if "order-tests" in self.row.remedies else (),
            )


class UntreatedInfection(AtStart, frozen=True, kw_only=True):
    """Fires at the start of a drug where a condition of `infected` is recorded, past ones too, or the newest result of one
    of the `tests` is positive, and none of `treated_by` was ever given. A current condition of `ill` is the case "ill",
    whatever was given.

    It is a start where the drug was not taken in the last `naive_days` days, and of glucocorticoids where the order
    begins a course that meets `need`. Tiers of case "stronger" speak of the drugs of `stronger`.
    """

    infected: frozenset[str]
    ill: frozenset[str]

    CASES = ("", "stronger", "ill")

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        ill = conditions(chart, self.ill)
        found = ill or self.infection(chart)
        treated = history(chart, self.treated_by)
        gaps = (*result_gaps(chart, self.row.id), *list_gaps(chart, self.row.id, ("conditions",)))
        if not ill and treated:
            gaps = tuple(list_gaps(chart, self.row.id, ("conditions",)))
            found = ()
        if not found and not gaps:
            return
        for start in self.starts(chart):
            if isinstance(start, NotChecked):
                yield start
                continue
            if not ill:
                yield from dict.fromkeys((*gaps, *list_gaps(chart, self.row.id, MEDICATION_SOURCES)))
            situation = start.subject.situation
            tier, because = fitting_tier(self.row, chart, situation, case="ill" if ill else start.case)
            if found and tier is not None:
                yield self.row.finding(
                    tier,
                    names={"drug": start.name},
                    orders=(start.subject.therapy.reference,),
                    evidence=(*found, *because),
                    found=(shown(start.subject.therapy),),
                )

    def infection(self, chart: Chart) -> tuple[Evidence, ...]:
        """What shows an infection, now or once; of each test by itself, since one does not refute another."""
        answers = (newest_answer(chart, (test,)) for test in self.tests)
        tested = (as_evidence(r, name_of(r.concept)) for answer, r in answers if answer == "yes" and r is not None)
        return (*conditions(chart, self.infected, current=False), *tested)


class Reactivation(Rule, frozen=True, kw_only=True):
    """Fires for an order of a drug where the newest of `surface` is positive (case "surface"), or it is negative and that
    of `core` is positive (case "core"), while none of `antivirals` is taken or drafted.

    Case "passive" stands for "core" where by the rule `passive_by` the antibody may be a donor's. For the drugs of
    `milder` the cases are "surface-milder" and "core-milder"; a result that they lack is named, for `drugs` another
    rule asks for it.
    """

    drugs: Drug
    milder: Drug
    surface: str
    core: str
    antivirals: Drug
    passive_by: str
    tests: tuple[str, ...]
    donors: PassiveAntibody | None = None

    PLACEHOLDERS = ("drug", "marker")
    CASES = ("surface", "core", "passive", "surface-milder", "core-milder")
    REMEDIES: ClassVar[tuple[str, ...]] = ("order-tests", "delete-draft")

    def knowing(self, rules: Sequence[Rule]) -> Rule:
        """The rule with the one that tells a donor's antibody; without that one every antibody is the patient's."""
        donors = next((r for r in rules if r.row.id == self.passive_by and isinstance(r, PassiveAntibody)), None)
        return msgspec.structs.replace(self, donors=donors)

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns | self.milder.concerns

    def longest_names(self) -> dict[str, str]:
        return {
            "drug": max(self.drugs.longest_name, self.milder.longest_name, key=len),
            "marker": max(marker(self.surface), marker(self.core), key=len),
        }

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        for drug, suffix in ((self.drugs, ""), (self.milder, "-milder")):
            for subject in subjects(chart, drug):
                if not excluded(self.row, chart, subject.situation):
                    yield from self.judge(chart, subject, drug, suffix)

    def judge(self, chart: Chart, subject: Subject, drug: Drug, suffix: str) -> Iterator[Verdict]:
        """What the rule says about one order."""
        treated = search(chart, self.antivirals, rule=self.row.id, recent_days=None)
        drafts = (draft.therapy for draft in chart.drafts if draft.therapy is not None)
        if treated.found or any(self.antivirals.covers(draft) for draft in drafts):
            return
        on_surface, surface = newest_answer(chart, (self.surface,))
        in_core, core = newest_answer(chart, (self.core,))
        if on_surface == "yes" and surface is not None:
            case, result = "surface", surface
        elif on_surface == "no" and in_core == "yes" and core is not None:
            passive = not suffix and self.donors is not None and self.donors.is_passive(chart, core)
            case, result = ("passive" if passive else "core"), core
        else:
            gaps = tuple(result_gaps(chart, self.row.id))
            yield from gaps
            answers = ((self.surface, on_surface, surface), (self.core, in_core, core))
            lacking = [test for test, answer, found in answers if answer == "unknown" and (suffix or found is not None)]
            if not gaps and lacking and ordered_tests(chart).isdisjoint(lacking):
                what = " and ".join(marker(test) for test in lacking)
                yield NotChecked(self.row.id, what, order=subject.therapy.reference)
            return
        tier, because = fitting_tier(self.row, chart, subject.situation, case=case + suffix)
        if tier is None:
            return
        name = drug.name_in(subject.therapy)
        remedies: list[Remedy] = []
        if tier.severity == "critical" and subject.draft is not None and "delete-draft" in self.row.remedies:
            remedies.append(Remedy(f"Cancel this order of {name}", (DeleteDraft(subject.draft.reference),)))
        tests = tuple(test for test in self.tests if test not in ordered_tests(chart))
        if tests and "order-tests" in self.row.remedies:
            remedies.append(order_tests(tests, f"before {name}"))
        yield self.row.finding(
            tier,
            names={"drug": name, "marker": marker(result.concept)},
            orders=(subject.therapy.reference,),
            evidence=(as_evidence(result, marker(result.concept)), *because),
            found=(shown(subject.therapy),),
            caveats=tuple(f"{gap.missing} could not be seen" for gap in treated.gaps if gap.source),
            remedies=tuple(remedies),
        )
        yield from treated.gaps


def marker(test: str) -> str:
    """How a marker of an infection is printed."""
    return "anti-HBc" if test == "anti-hbc-total" else name_of(test)


def has_result(chart: Chart, test: str, days: int | None = None) -> bool:
    """Whether a test has a result, of whatever age or of the last so many days; one that gave no answer is none."""
    if days is not None:
        return any(
            (chart.as_of - day).days <= days and result.word not in results.UNSETTLED
            for day, result in dated(chart, (test,))
        )
    found = chart.results[test]() if test in chart.results else ()
    return any(
        result.word not in results.UNSETTLED and (result.day is None or result.day <= chart.as_of) for result in found
    )
