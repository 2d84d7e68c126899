"""What is taken after a pulse: that something is, and how much of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import ClassVar

import msgspec

from .. import body, dose
from ..chart import Chart, DraftOrder
from ..dose import Unknown
from ..drugs import Drug
from ..evidence import evidence_of, shown
from ..exposure import MEDICATION_SOURCES, first_day, history, judged_drafts, list_gaps
from ..facts import Situation
from ..facts_disease import gate_unseen
from ..findings import Evidence, NotChecked
from ..glucocorticoids import Glucocorticoids, Pulse, for_other_reason, pulse_days
from ..proposal import Proposal
from ..remedy import Remedy
from ..rule import Rule, Tier, Verdict
from ..therapy import Therapy
from ..tiers import age_gap, excluded, fitting_tier, is_adult
from ..timeline import Given, cycles
from .glucocorticoid import DailyTarget
from .pneumocystis import running


class AfterPulse(Rule, frozen=True, kw_only=True):
    """What both rules share: pulses of `drugs` from `at_least_mg_per_day` on, and what follows them."""

    drugs: Drug
    steroids: Glucocorticoids
    at_least_mg_per_day: Decimal

    def __post_init__(self) -> None:
        self.steroids.pulse_with(self.drugs)
        self.steroids.refuse_unknown(self.drugs)

    @property
    def pulse(self) -> Pulse:
        """The pulse as the rule speaks of it."""
        return Pulse(drugs=self.drugs, at_least_mg_per_day=self.at_least_mg_per_day)

    def given(self, chart: Chart) -> tuple[Given, ...]:
        """Every day of such a pulse, past and planned."""
        return pulse_days(chart, self.steroids, self.pulse)[0]

    def oral(self, chart: Chart, drug: Drug) -> tuple[Therapy, ...]:
        """What is taken or drafted of a drug, pulses left out."""
        return tuple(therapy for therapy in running(chart, drug) if not self.steroids.is_pulse(chart, therapy))


class FollowOnRequired(AfterPulse, frozen=True, kw_only=True):
    """Fires for a drafted pulse, and at patient-view for one that ended 1 to `within_days` days ago (that day included),
    where none of the `daily` drugs is taken, drafted, or on hold, and no pulse of the `other_pulses` is; at patient-view
    none of `any_daily` either. What is taken only as needed does not count.

    The remedies order `proposals` from the day after the last pulse day on, and the dose by weight of `by_weight` where
    that is another. None is offered where the last day is not known, or where `any_daily` is taken already.
    """

    daily: Drug
    any_daily: Drug
    other_pulses: Drug
    within_days: int
    proposals: tuple[Proposal, ...] = ()
    by_weight: DailyTarget
    by_weight_name: str

    PLACEHOLDERS: ClassVar[tuple[str, ...]] = ("drug", "daily")
    REMEDIES: ClassVar[tuple[str, ...]] = ("propose",)

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns

    def longest_names(self) -> dict[str, str]:
        return {"drug": self.drugs.longest_name, "daily": self.daily.longest_name}

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        if self.followed(chart):
            return
        given = self.given(chart)
        if chart.hook == "patient-view":
            yield from self.ended(chart, given)
            return
        for draft in judged_drafts(chart):
            therapy = draft.therapy
            if therapy is None or not self.drugs.covers(therapy) or for_other_reason(therapy):
                continue
            situation = Situation(draft=draft, therapy=therapy)
            if excluded(self.row, chart, situation):
                continue
            most = self.steroids.own(chart, therapy, dose.daily_amount)
            if isinstance(most, Unknown):
                missing = f"the dose of {self.drugs.name_in(therapy)}"
                yield NotChecked(self.row.id, missing, order=draft.reference)
                continue
            if most.high < self.at_least_mg_per_day:
                continue
            tier, because = fitting_tier(self.row, chart, situation)
            if tier is None:
                continue
            mine = tuple(each for each in given if each.draft is draft)
            last = max((each.day for each in given), default=None) if mine and bounded(therapy) else None
            yield self.row.finding(
                tier,
                names={"drug": self.drugs.name_in(therapy), "daily": self.daily.longest_name},
                orders=(draft.reference,),
                evidence=because,
                found=(shown(therapy),),
                caveats=tuple(f"{gap.missing} could not be seen" for gap in self.gaps(chart, situation)),
                remedies=self.remedies(chart, last),
            )
            yield from self.gaps(chart, situation)
            return

    def gaps(self, chart: Chart, situation: Situation) -> tuple[NotChecked, ...]:
        """What is missing of the lists."""
        return (*gate_unseen(self.row, chart, situation), *list_gaps(chart, self.row.id, MEDICATION_SOURCES))

    def ended(self, chart: Chart, given: tuple[Given, ...]) -> Iterator[Verdict]:
        """The finding for a pulse that is just over."""
        situation = Situation()
        begun = [cycle for cycle in cycles(given) if cycle.start <= chart.as_of]
        last = begun[-1].days[-1] if begun else None
        over = (chart.as_of - last.day).days if last is not None else 0
        if last is None or not 1 <= over <= self.within_days or excluded(self.row, chart, situation):
            yield from self.gaps(chart, situation)
            return
        tier, because = fitting_tier(self.row, chart, situation)
        if tier is not None:
            yield self.row.finding(
                tier,
                names={"drug": self.drugs.name_in(last.therapy), "daily": self.daily.longest_name},
                orders=(last.therapy.reference,) if last.therapy.source == "request" else (),
                evidence=(evidence_of(last.therapy), *because),
                found=(f"last pulse day {last.day.isoformat()}",),
                caveats=tuple(f"{gap.missing} could not be seen" for gap in self.gaps(chart, situation)),
                remedies=self.remedies(chart, chart.as_of - dt.timedelta(days=1)),
            )
        yield from self.gaps(chart, situation)

    def followed(self, chart: Chart) -> bool:
        """Whether a daily drug is there, or other pulses in its place."""
        daily = self.any_daily if chart.hook == "patient-view" else self.daily
        held = any(t.status == "on-hold" and daily.covers(t) for t in history(chart, daily))
        pulses = any(self.steroids.is_pulse(chart, therapy) for therapy in running(chart, self.other_pulses))
        return held or pulses or any(not dose.prn(therapy.regimen()) for therapy in self.oral(chart, daily))

    def remedies(self, chart: Chart, last: dt.date | None) -> tuple[Remedy, ...]:
        """Each dose that the table gives, from the day after the last pulse day on."""
        if (
            "propose" not in self.row.remedies
            or last is None
            or not is_adult(chart)
            or self.oral(chart, self.any_daily)
        ):
            return ()
        start = last + dt.timedelta(days=1)
        proposals = [proposal for proposal in self.proposals if proposal.fits(chart)]
        weight = body.weight(chart)
        if proposals and isinstance(weight, body.Measure):
            target = self.by_weight.milligrams(weight)
            if all(proposal.dose != target for proposal in proposals):
                proposals.append(msgspec.structs.replace(proposals[0], dose=target, name=self.by_weight_name))
        return tuple(
            Remedy(f"Add {proposal.label} from {start.isoformat()}", (proposal.order(start),)) for proposal in proposals
        )


def bounded(therapy: Therapy) -> bool:
    """Whether an order says when it ends."""
    return not dose.open_ended(therapy.regimen())


class FollowOnDose(AfterPulse, frozen=True, kw_only=True):
    """Fires for a draft of `daily` that begins during a pulse or up to `within_days` days after its last day (that day
    included), where it gives less in a day at its beginning than the figure of a tier, or (case "divided") more than one
    dose a day."""

    daily: Drug
    within_days: int

    PLACEHOLDERS: ClassVar[tuple[str, ...]] = ("drug", "daily", "amount")
    CASES = ("", "divided")
    JUDGES_DOSE = True

    @property
    def concerns(self) -> frozenset[str]:
        return self.daily.concerns

    def longest_names(self) -> dict[str, str]:
        return {"drug": self.drugs.longest_name, "daily": self.daily.longest_name, "amount": "9999.999"}

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        for draft in judged_drafts(chart):
            therapy = draft.therapy
            if therapy is None or not self.daily.covers(therapy) or self.steroids.is_pulse(chart, therapy):
                continue
            situation = Situation(draft=draft, therapy=therapy)
            gap = age_gap(self.row, chart, situation)
            if gap is not None:
                yield gap
            elif not excluded(self.row, chart, situation):
                yield from self.of_draft(chart, draft, therapy)

    def of_draft(self, chart: Chart, draft: DraftOrder, therapy: Therapy) -> Iterator[Verdict]:
        """What the rule says about one draft."""
        situation = Situation(draft=draft, therapy=therapy)
        begin = first_day(therapy, chart.as_of)
        given = self.given(chart)
        pulse = next((g for g in reversed(given) if g.day <= begin and (begin - g.day).days <= self.within_days), None)
        if pulse is None and therapy.start is None:
            pulse = next((g for g in given if g.draft is not None), None)
        if pulse is None:
            yield from list_gaps(chart, self.row.id, MEDICATION_SOURCES)
            return
        first = dose.first_step(therapy.regimen(self.steroids.ingredient_of(therapy)))
        amount = self.steroids.equivalent(chart, therapy, dose.average_daily_amount, first)
        if isinstance(amount, Unknown):
            yield NotChecked(self.row.id, f"the dose of {self.daily.name_in(therapy)}", order=draft.reference)
            return
        tier, because = fitting_tier(self.row, chart, situation, amount=amount)
        often = dose.administrations_per_week(first)
        if tier is None and not isinstance(often, Unknown) and often.per_day_low > 1:
            tier, because = fitting_tier(self.row, chart, situation, case="divided")
        if tier is None:
            return
        yield self.tell(chart, tier, therapy, pulse, because=because, amount=amount.low)

    def tell(
        self,
        chart: Chart,
        tier: Tier,
        therapy: Therapy,
        pulse: Given,
        *,
        because: tuple[Evidence, ...],
        amount: Decimal,
    ) -> Verdict:
        """The finding about a draft after a pulse."""
        drafted = pulse.draft is not None
        return self.row.finding(
            tier,
            names={
                "drug": self.drugs.name_in(pulse.therapy),
                "daily": self.daily.name_in(therapy),
                "amount": dose.plain(amount),
            },
            orders=(therapy.reference, *((pulse.therapy.reference,) if drafted else ())),
            evidence=(() if drafted else (evidence_of(pulse.therapy),)) + because,
            found=(shown(therapy), f"{self.drugs.name_in(pulse.therapy)} on {pulse.day.isoformat()}"),
        )
