"""Prophylaxis of Pneumocystis pneumonia: to whom it is due by the glucocorticoids taken, and the drugs that give it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import ClassVar

import msgspec

from .. import dose
from ..chart import Chart, DraftOrder
from ..drugs import Drug
from ..evidence import evidence_of, shown
from ..exposure import MEDICATION_SOURCES, active, judged_drafts, list_gaps, search, therapies_of
from ..facts import Situation, ask
from ..findings import Evidence, NotChecked
from ..glucocorticoids import Glucocorticoids, pulse_days
from ..proposal import Proposal, facts_of, proposed
from ..results import result_gaps
from ..rule import Rule, Tier, Verdict
from ..steroid_days import SteroidDays, Stretch, steroid_days
from ..therapy import Therapy
from ..tiers import excluded, fitting_tier


class Need(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So much of the reference a day for so many days, elapsed or expected; at both figures it is met.

    Days with less, at most `gap_days` in a row, do not end the course and do not count.
    """

    at_least_mg_per_day: Decimal
    days: int
    gap_days: int

    def met(self, taken: SteroidDays, on: dt.date) -> Stretch | None:
        """The course that meets it and is not over on a day; None where there is none."""
        current = taken.current(self.at_least_mg_per_day, on, gap_days=self.gap_days)
        return next((stretch for stretch in current if stretch.lasts(self.days)), None)


class Factor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Drugs that add to the risk: drafted, taken, or given or ended at most so many days ago; that day counts."""

    drugs: Drug
    days: int | None = None


class Cover(Rule, frozen=True, kw_only=True):
    """What the rules on this prophylaxis share: what gives it, and what is offered.

    `prophylaxis` are drugs any of which is enough at any dose, unless it holds one of `not_with`; taken only as needed it
    is none. Lists of medications that could not be had are told with the finding, and named.
    """

    drugs: Drug
    prophylaxis: tuple[Drug, ...]
    not_with: frozenset[str] = frozenset()
    proposals: tuple[Proposal, ...] = ()

    REMEDIES: ClassVar[tuple[str, ...]] = ("propose",)

    @property
    def facts(self) -> tuple[str, ...]:
        return facts_of(self.proposals)

    def covered(self, chart: Chart) -> bool:
        """Whether a drug that is enough is taken or in the basket."""
        return any(
            self.not_with.isdisjoint(therapy.ingredients) and not dose.prn(therapy.regimen())
            for drug in self.prophylaxis
            for therapy in running(chart, drug)
        )

    def asked(self, chart: Chart) -> tuple[DraftOrder, ...]:
        """The drafts of this hook that the rule is about."""
        return tuple(
            draft
            for draft in judged_drafts(chart)
            if draft.therapy is not None
            and self.concerned(draft.therapy)
            and not excluded(self.row, chart, Situation(draft=draft, therapy=draft.therapy))
        )

    def concerned(self, therapy: Therapy) -> bool:
        """Whether a drafted therapy makes the rule speak."""
        return self.drugs.covers(therapy)

    def gaps(self, chart: Chart) -> tuple[NotChecked, ...]:
        """What is missing of the lists of medications."""
        return tuple(list_gaps(chart, self.row.id, MEDICATION_SOURCES))

    def gate_gaps(self, chart: Chart) -> Iterator[NotChecked]:
        """What is missing of the conditions, where they do not show whether a tier's facts hold."""
        if any(ask(chart, fact).answer == "unknown" for tier in self.row.tiers for fact in tier.when):
            yield from list_gaps(chart, self.row.id, ("conditions",))

    def tell(
        self,
        chart: Chart,
        tier: Tier,
        *,
        therapies: tuple[Therapy, ...],
        evidence: tuple[Evidence, ...] = (),
        found: tuple[str, ...] = (),
        names: dict[str, str] | None = None,
    ) -> Verdict:
        """The finding about these therapies; the drafts among them are its orders, at patient-view the chart's orders."""
        own = "request" if chart.hook == "patient-view" else "draft"
        return self.row.finding(
            tier,
            names=names or {},
            orders=tuple(dict.fromkeys(t.reference for t in therapies if t.source == own)),
            evidence=tuple(evidence_of(t) for t in therapies if t.source != "draft") + evidence,
            found=(*(shown(therapy) for therapy in therapies), *found),
            caveats=tuple(f"{gap.missing} could not be seen" for gap in self.gaps(chart)),
            remedies=proposed(chart, self.proposals) if "propose" in self.row.remedies else (),
        )


def running(chart: Chart, drug: Drug) -> tuple[Therapy, ...]:
    """Therapies with a drug that are being taken today, and the drafts of the basket."""
    taken = [t for t in therapies_of(chart, drug) if drug.covers(t) and active(t, chart.as_of) == "yes"]
    drafts = (draft.therapy for draft in chart.drafts if draft.therapy is not None)
    return (*taken, *(draft for draft in drafts if drug.covers(draft)))


class CoverByDose(Cover, frozen=True, kw_only=True):
    """Fires where glucocorticoids meet the `need` without prophylaxis: case "factor" where one of the `factors` or of
    `factor_facts` adds to the risk, else "". Case "pulses" where only pulses that come in cycles are given beside one.

    At the order hooks a draft of a glucocorticoid or of a factor makes it speak.
    """

    steroids: Glucocorticoids
    need: Need
    factors: tuple[Factor, ...]
    factor_facts: tuple[str, ...]

    CASES = ("", "factor", "pulses")

    def __post_init__(self) -> None:
        self.steroids.refuse_unknown(self.drugs)

    @property
    def facts(self) -> tuple[str, ...]:
        return (*facts_of(self.proposals), *self.factor_facts)

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns.union(*(factor.drugs.concerns for factor in self.factors))

    def concerned(self, therapy: Therapy) -> bool:
        return self.drugs.covers(therapy) or any(factor.drugs.covers(therapy) for factor in self.factors)

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        asked = self.asked(chart)
        if (chart.hook != "patient-view" and not asked) or self.covered(chart):
            return
        days = steroid_days(chart, self.steroids, self.drugs)
        stretch = self.need.met(days, chart.as_of)
        pulses = self.pulses(chart) if stretch is None else ()
        if stretch is None and not pulses:
            yield from self.unmade(chart, days)
            return
        beside, evidence = self.added(chart)
        more = bool(beside or evidence)
        if stretch is None and not more:
            yield from self.gaps(chart)
            yield from result_gaps(chart, self.row.id)
            return
        case = "pulses" if stretch is None else "factor" if more else ""
        tier, because = fitting_tier(self.row, chart, Situation(), case=case)
        if tier is None:
            yield from self.gate_gaps(chart)
            return
        yield self.tell(
            chart,
            tier,
            therapies=(*(pulses if stretch is None else self.of_stretch(chart, days, stretch)), *beside),
            evidence=evidence + because,
            found=tuple(dict.fromkeys(each.label for each in evidence)),
        )
        yield from self.gaps(chart)
        if not more:
            yield from result_gaps(chart, self.row.id)

    def is_due(self, chart: Chart) -> bool:
        """Whether the need is met by what is taken or in the basket."""
        return self.need.met(steroid_days(chart, self.steroids, self.drugs), chart.as_of) is not None

    def of_stretch(self, chart: Chart, days: SteroidDays, stretch: Stretch) -> tuple[Therapy, ...]:
        """The therapies that make a course from today on, those that give most first."""
        spells = [
            spell
            for spell in days.spells
            if (spell.last is None or spell.last >= chart.as_of)
            and (stretch.last is None or spell.first <= stretch.last)
            and (spell.last is None or spell.last >= stretch.first)
        ]
        spells.sort(key=lambda spell: -spell.mg)
        return tuple({spell.therapy.reference: spell.therapy for spell in spells}.values())

    def pulses(self, chart: Chart) -> tuple[Therapy, ...]:
        """Therapies that give pulses in cycles, drafted or within a cycle before today."""
        found: dict[str, Therapy] = {}
        for pulse in self.steroids.pulses:
            if pulse.every_days is None:
                continue
            for given in pulse_days(chart, self.steroids, pulse)[0]:
                if given.draft is not None or 0 <= (chart.as_of - given.day).days < pulse.every_days:
                    found[given.therapy.reference] = given.therapy
        return tuple(found.values())

    def added(self, chart: Chart) -> tuple[tuple[Therapy, ...], tuple[Evidence, ...]]:
        """What adds to the risk: drugs, and other evidence."""
        beside: dict[str, Therapy] = {}
        for factor in self.factors:
            near = search(chart, factor.drugs, rule=self.row.id, recent_days=factor.days).found
            drafts = (draft.therapy for draft in chart.drafts if draft.therapy is not None)
            for therapy in (*near, *(draft for draft in drafts if factor.drugs.covers(draft))):
                beside[therapy.reference] = therapy
        evidence = tuple(e for fact in self.factor_facts for e in ask(chart, fact, Situation()).evidence)
        return tuple(beside.values()), evidence

    def unmade(self, chart: Chart, days: SteroidDays) -> Iterator[NotChecked]:
        """What kept the need from being reckoned: a dose that is not known, or a list."""
        for therapy in days.unsure[:1]:
            order = therapy.reference if therapy.source == "draft" else ""
            yield NotChecked(self.row.id, f"the dose of {self.drugs.name_in(therapy)}", order=order)
        yield from self.gaps(chart)


class CoverBeside(Cover, frozen=True, kw_only=True):
    """Fires where `drugs` are taken or drafted beside any `partners` without prophylaxis.

    At the order hooks one of the two is a draft that the hook asks about.
    """

    partners: Drug

    PLACEHOLDERS = ("drug", "partner")

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns | self.partners.concerns

    def longest_names(self) -> dict[str, str]:
        return {"drug": self.drugs.longest_name, "partner": self.partners.longest_name}

    def concerned(self, therapy: Therapy) -> bool:
        return self.drugs.covers(therapy) or self.partners.covers(therapy)

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        asked = self.asked(chart)
        if (chart.hook != "patient-view" and not asked) or self.covered(chart):
            return
        mine, theirs = running(chart, self.drugs), running(chart, self.partners)
        if not mine or not theirs:
            yield from self.gaps(chart) if mine or theirs else ()
            return
        tier, because = fitting_tier(self.row, chart, Situation())
        if tier is None:
            yield from self.gate_gaps(chart)
            return
        yield self.tell(
            chart,
            tier,
            therapies=(mine[0], *theirs),
            evidence=because,
            names={"drug": self.drugs.name_in(mine[0]), "partner": self.partners.name_in(theirs[0])},
        )
        yield from self.gaps(chart)
