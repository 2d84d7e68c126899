"""A glucocorticoid taken for months: what must be taken with it, and whether it is taken alone."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator
from decimal import Decimal
from typing import ClassVar

import msgspec

from .. import dose
from ..chart import Chart
from ..drugs import Drug
from ..evidence import evidence_of, shown
from ..exposure import MEDICATION_SOURCES, list_gaps, search
from ..facts import Situation
from ..facts_disease import gate_unseen
from ..findings import NotChecked
from ..glucocorticoids import Glucocorticoids
from ..proposal import Proposal, facts_of, proposed
from ..remedy import Remedy
from ..rule import Rule, Verdict
from ..steroid_days import SteroidDays, steroid_days
from ..subjects import subjects
from ..tiers import excluded, fitting_tier
from ..timeline import days_given
from .pneumocystis import Factor, Need, running


class Companion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of the things that must be taken: any of these drugs is enough, not taken only as needed."""

    name: str
    drugs: Drug


class ForMissing(Proposal, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An order for whoever lacks exactly the companions of these names."""

    missing: frozenset[str]


class LongTermCompanions(Rule, frozen=True, kw_only=True):
    """Fires where a course is long and one of the `companions` is missing.

    Long is at least `at_least_mg_per_day` of the reference on `days` days, elapsed in the last `within_days` or expected;
    at both figures it is. So is a course that meets the `induction` and is lowered after it. Any of `instead` does for
    all companions. Pulses do not count. `advice` is told unless one of `advice_unless` is on record.
    """

    drugs: Drug
    steroids: Glucocorticoids
    at_least_mg_per_day: Decimal
    days: int
    within_days: int
    induction: Need
    companions: tuple[Companion, ...]
    instead: Drug
    proposals: tuple[ForMissing, ...] = ()
    advice: str
    advice_unless: tuple[Factor, ...] = ()

    PLACEHOLDERS: ClassVar[tuple[str, ...]] = ("drug", "missing")
    REMEDIES: ClassVar[tuple[str, ...]] = ("propose",)

    def __post_init__(self) -> None:
        self.steroids.refuse_unknown(self.drugs)

    @property
    def facts(self) -> tuple[str, ...]:
        return facts_of(self.proposals)

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns

    def longest_names(self) -> dict[str, str]:
        return {"drug": self.drugs.longest_name, "missing": " and ".join(each.name for each in self.companions)}

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        missing = tuple(each.name for each in self.companions if not self.is_taken(chart, each.drugs))
        if not missing or self.is_taken(chart, self.instead):
            return
        days: SteroidDays | None = None
        for subject in subjects(chart, self.drugs):
            therapy, situation = subject.therapy, subject.situation
            if excluded(self.row, chart, situation) or self.steroids.is_pulse(chart, therapy):
                continue
            days = days or steroid_days(chart, self.steroids, self.drugs)
            gaps = (
                *gate_unseen(self.row, chart, situation),
                *list_gaps(chart, self.row.id, MEDICATION_SOURCES),
            )
            tier, because = fitting_tier(self.row, chart, situation)
            if tier is None or not self.is_long(chart, days):
                if any(each is therapy for each in days.unsure):
                    missed = f"the dose of {self.drugs.name_in(therapy)}"
                    yield NotChecked(self.row.id, missed, order=therapy.reference if subject.draft else "")
                yield from gaps
                continue
            finding = self.row.finding(
                tier,
                names={"drug": self.drugs.name_in(therapy), "missing": " and ".join(missing)},
                orders=(therapy.reference,),
                evidence=(() if subject.draft is not None else (evidence_of(therapy),)) + because,
                found=(shown(therapy), f"missing: {', '.join(missing)}"),
                caveats=tuple(f"{gap.missing} could not be seen" for gap in gaps),
                remedies=self.remedies(chart, missing),
            )
            yield msgspec.structs.replace(finding, why=(*finding.why, *self.advised(chart)))
            yield from gaps
            return

    def is_taken(self, chart: Chart, drug: Drug) -> bool:
        """Whether a drug is taken or in the basket, not only as needed."""
        return any(not dose.prn(therapy.regimen()) for therapy in running(chart, drug))

    def is_long(self, chart: Chart, days: SteroidDays) -> bool:
        """Whether the course of today or of the basket is long."""
        if not days.current(self.at_least_mg_per_day, chart.as_of):
            return False
        begin = chart.as_of - dt.timedelta(days=self.within_days)
        total = days.days_since(self.at_least_mg_per_day, begin)
        if total is None or total >= self.days:
            return True
        stretch = self.induction.met(days, chart.as_of)
        return stretch is not None and stretch.lowered

    def advised(self, chart: Chart) -> tuple[str, ...]:
        """What is to be thought of besides, unless it has been."""
        for factor in self.advice_unless:
            if search(chart, factor.drugs, rule=self.row.id, recent_days=factor.days).found:
                return ()
        return (self.advice,)

    def remedies(self, chart: Chart, missing: tuple[str, ...]) -> tuple[Remedy, ...]:
        """The order of what is missing."""
        if "propose" not in self.row.remedies:
            return ()
        return proposed(chart, tuple(each for each in self.proposals if each.missing == frozenset(missing)))


class LongTermAlone(Rule, frozen=True, kw_only=True):
    """Fires where at least `at_least_mg_per_day` of the reference is taken today, and was for more than `more_than_days`
    days but for interruptions of at most `gap_days`, without a sparing drug.

    Sparing are `sparing` drugs taken today and `infusions` given in the last `infusion_days`. Silent where the dose was
    lowered `tapers` times in the last `taper_days`.
    """

    drugs: Drug
    steroids: Glucocorticoids
    at_least_mg_per_day: Decimal
    more_than_days: int
    gap_days: int
    sparing: Drug
    infusions: tuple[Drug, ...]
    infusion_days: int
    tapers: int
    taper_days: int

    PLACEHOLDERS: ClassVar[tuple[str, ...]] = ("drug", "amount")

    def __post_init__(self) -> None:
        self.steroids.refuse_unknown(self.drugs)

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns

    def longest_names(self) -> dict[str, str]:
        return {"drug": self.drugs.longest_name, "amount": "9999.999"}

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        taken = [
            subject
            for subject in subjects(chart, self.drugs)
            if not excluded(self.row, chart, subject.situation) and not self.steroids.is_pulse(chart, subject.therapy)
        ]
        if not taken or self.is_spared(chart):
            return
        days = steroid_days(chart, self.steroids, self.drugs)
        gaps = (
            *gate_unseen(self.row, chart, Situation()),
            *list_gaps(chart, self.row.id, MEDICATION_SOURCES),
        )
        now = days.on(chart.as_of)
        since = next(
            (s.first for s in days.current(self.at_least_mg_per_day, chart.as_of, gap_days=self.gap_days)), chart.as_of
        )
        long = now >= self.at_least_mg_per_day and (chart.as_of - since).days > self.more_than_days
        tier, because = fitting_tier(self.row, chart, taken[0].situation)
        if not long or tier is None or self.tapered(chart, days) or gaps:
            yield from gaps
            return
        therapies = [subject.therapy for subject in taken]
        yield self.row.finding(
            tier,
            names={"drug": self.drugs.name_in(therapies[0]), "amount": dose.plain(now)},
            orders=tuple(therapy.reference for therapy in therapies if therapy.source == "request"),
            evidence=(*(evidence_of(therapy) for therapy in therapies), *because),
            found=(*(shown(therapy) for therapy in therapies), f"since {since.isoformat()}"),
        )

    def is_spared(self, chart: Chart) -> bool:
        """Whether a sparing drug is taken, or was given lately."""
        if search(chart, self.sparing, rule=self.row.id, recent_days=None).found:
            return True
        begin = chart.as_of - dt.timedelta(days=self.infusion_days)
        return any(begin <= given.day <= chart.as_of for drug in self.infusions for given in days_given(chart, drug))

    def tapered(self, chart: Chart, days: SteroidDays) -> bool:
        """Whether the dose was lowered often enough lately."""
        begin = chart.as_of - dt.timedelta(days=self.taper_days)
        levels = days.levels()
        lower = [
            day
            for (_, before), (day, amount) in itertools.pairwise(levels)
            if amount < before and begin <= day <= chart.as_of
        ]
        return len(lower) >= self.tapers
