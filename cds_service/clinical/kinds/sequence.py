"""Treatments whose order in time matters: infusions that follow each other too closely, and what washes them out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal

import msgspec

from ..chart import Chart, DraftOrder
from ..drugs import Drug
from ..evidence import evidence_of, shown
from ..exposure import MEDICATION_SOURCES, judged_drafts, list_gaps
from ..facts import Situation
from ..findings import Evidence, NotChecked
from ..remedy import MoveDraft, Remedy
from ..results import unweighed
from ..rule import Rule, Verdict
from ..tiers import excluded, fitting_tier
from ..timeline import (
    ORDER_DATE_UNCERTAINTY_DAYS,
    Cycle,
    Given,
    cycles,
    days_given,
    grams_per_kg,
    procedure_days,
    undated,
)


class Infusions(Rule, frozen=True, kw_only=True):
    """What the rules about two infusions share: `first` is to be finished before `second` begins.

    A cycle of `first` counts only above `above_g_per_kg`; one whose dose is not known counts (CLINICAL 0.7).
    """

    first: Drug
    second: Drug
    above_g_per_kg: Decimal

    PLACEHOLDERS = ("first", "second", "days")

    @property
    def concerns(self) -> frozenset[str]:
        return self.first.concerns | self.second.concerns

    def longest_names(self) -> dict[str, str]:
        return {"first": self.first.longest_name, "second": self.second.longest_name, "days": "99"}

    def counting_cycles(self, chart: Chart) -> tuple[Cycle, ...]:
        """The cycles of `first` that count: not replacement by their dose, not for another reason by their order."""
        return tuple(cycle for cycle in cycles(days_given(chart, self.first)) if self.counts(chart, cycle))

    def counts(self, chart: Chart, cycle: Cycle) -> bool:
        draft = cycle.draft
        situation = Situation(draft=draft, therapy=cycle.days[0].therapy)
        if any(not given.therapy.reasons.isdisjoint(REPLACEMENT) for given in cycle.days):
            return False
        amount = grams_per_kg(chart, cycle)
        return (amount is None or amount > self.above_g_per_kg) and not excluded(self.row, chart, situation)


REPLACEMENT = frozenset(("hypogammaglobulinaemia", "immunodeficiency", "selective-iga-deficiency"))


class InfusionOrder(Infusions, frozen=True, kw_only=True):
    """Fires where a cycle of `first` begins 0 to `within_days` - 1 days after a `second`; at `within_days` it is silent.

    A cycle that began before the `second` and goes on after it is the case "overlap". Silent with a procedure of
    `unless_between` from the one to the other, and where neither carries an explicit date. Where a date is only that
    of an order's writing, the tier of case "uncertain" speaks.
    The remedy moves a draft: `first` to `within_days` after the last `second`, or `second` to the day after the cycle.
    """

    within_days: int
    unless_between: frozenset[str]

    CASES = ("", "overlap", "uncertain")
    REMEDIES = ("move-draft",)

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        asked = {draft.reference for draft in judged_drafts(chart)}
        seconds = days_given(chart, self.second)
        told = False
        mine = [
            d
            for d in judged_drafts(chart)
            if d.therapy and (self.first.covers(d.therapy) or self.second.covers(d.therapy))
        ]
        for draft in mine:
            if draft.therapy is not None and excluded(self.row, chart, Situation(draft=draft, therapy=draft.therapy)):
                return
        for cycle in self.counting_cycles(chart):
            close = [second for second in seconds if self.too_close(chart, cycle, second)]
            drafts = [d for d in (cycle.draft, *(s.draft for s in close)) if d is not None and d.reference in asked]
            if not close or not drafts:
                continue
            told = True
            yield from self.tell(chart, cycle, close[-1], seconds)
            yield from unweighed(chart, self.row.id)
            yield from list_gaps(chart, self.row.id, ("procedures",))
        if mine and not told:
            yield from list_gaps(chart, self.row.id, MEDICATION_SOURCES)
            yield from undated(chart, self.first, self.row.id)
            yield from undated(chart, self.second, self.row.id)

    def too_close(self, chart: Chart, cycle: Cycle, second: Given) -> bool:
        if not (cycle.explicit or second.explicit):
            return False
        overlap = cycle.start < second.day < cycle.end
        if not (overlap or 0 <= (cycle.start - second.day).days < self.within_days):
            return False
        between = procedure_days(chart, self.unless_between)
        return not any(second.day <= day <= cycle.start for day, _ in between)

    def tell(self, chart: Chart, cycle: Cycle, second: Given, seconds: tuple[Given, ...]) -> Iterator[Verdict]:
        """The finding for one cycle and the `second` before it."""
        days = (cycle.start - second.day).days
        case = "" if days >= 0 else "overlap"
        if not (cycle.certain and second.certain) and case == "":
            case = "uncertain"
        first_therapy = cycle.days[0].therapy
        tier, because = fitting_tier(self.row, chart, Situation(draft=cycle.draft or second.draft), case=case)
        if tier is None:
            return
        chart_side = [given.therapy for given in (cycle.days[0], second) if given.draft is None]
        yield self.row.finding(
            tier,
            names={
                "first": self.first.name_in(first_therapy),
                "second": self.second.name_in(second.therapy),
                "days": str(max(days, 0)),
            },
            orders=tuple(dict.fromkeys(d.reference for d in (cycle.draft, second.draft) if d is not None)),
            evidence=tuple(evidence_of(therapy) for therapy in chart_side) + because,
            found=(
                f"{self.second.name_in(second.therapy)} on {second.day.isoformat()}",
                f"{self.first.name_in(first_therapy)} from {cycle.start.isoformat()} to {cycle.end.isoformat()}",
            ),
            caveats=() if case != "uncertain" else ("a date is only that on which the order was written",),
            remedies=self.remedies(chart, cycle, second, seconds),
        )

    def remedies(self, chart: Chart, cycle: Cycle, second: Given, seconds: tuple[Given, ...]) -> tuple[Remedy, ...]:
        """Moving the drafted `first` behind the last `second`, or the drafted `second` behind the cycle."""
        if "move-draft" not in self.row.remedies:
            return ()
        written: list[Remedy] = []
        days = {d.day for d in cycle.days if d.draft is None}
        if cycle.draft is not None and not days:
            before = [s.day for s in seconds if s.day <= cycle.end]
            target = max(before) + dt.timedelta(days=self.within_days)
            written.append(move(cycle.draft, self.first.name_in(cycle.days[0].therapy), cycle.start, target))
        if second.draft is not None:
            target = cycle.end + dt.timedelta(days=1)
            written.append(move(second.draft, self.second.name_in(second.therapy), second.day, target))
        return tuple(written)


class UndatedInfusions(Infusions, frozen=True, kw_only=True):
    """Fires once for a basket with both infusions in it, neither with a date of its own."""

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        firsts = [c.days[0] for c in self.counting_cycles(chart) if c.draft is not None]
        seconds = [given for given in days_given(chart, self.second) if given.draft is not None]
        if not firsts or not seconds or firsts[0].explicit or seconds[0].explicit:
            return
        first, second = firsts[0], seconds[0]
        asked = {draft.reference for draft in judged_drafts(chart)}
        drafts = [draft for draft in (second.draft, first.draft) if draft is not None]
        if not asked & {draft.reference for draft in drafts}:
            return
        situations = [Situation(draft=draft, therapy=draft.therapy) for draft in drafts]
        tier, because = fitting_tier(self.row, chart, situations[0])
        if tier is None or any(excluded(self.row, chart, situation) for situation in situations):
            return
        yield self.row.finding(
            tier,
            names={
                "first": self.first.name_in(first.therapy),
                "second": self.second.name_in(second.therapy),
                "days": "",
            },
            orders=tuple(draft.reference for draft in drafts),
            evidence=because,
            found=(shown(second.therapy), shown(first.therapy)),
        )


class WashoutProcedure(Rule, frozen=True, kw_only=True):
    """Fires where a procedure that removes a drug is done 0 to `within_days` days after it; the last of them counts.

    One of the two is a draft that the hook asks about. A date of the drug that is only that of an order's writing makes
    it a remark within 14 days of the limit (CLINICAL B.3). The remedy moves the procedure to the day after the window,
    or the drug to the day after the last session.
    """

    drugs: Drug
    procedures: frozenset[str]
    procedure_name: str
    within_days: int

    PLACEHOLDERS = ("drug", "procedure", "days")
    REMEDIES = ("move-draft",)

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns | self.procedures

    def longest_names(self) -> dict[str, str]:
        return {"drug": self.drugs.longest_name, "procedure": self.procedure_name, "days": "99"}

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        asked = {draft.reference for draft in judged_drafts(chart)}
        given = days_given(chart, self.drugs)
        sessions = procedure_days(chart, self.procedures)
        told: set[tuple[str, ...]] = set()
        for day, session in sessions:
            close = [dose for dose in given if 0 <= (day - dose.day).days <= self.within_days]
            if not close:
                continue
            last = close[-1]
            drafts = tuple(d for d in (session, last.draft) if d is not None)
            orders = tuple(dict.fromkeys(d.reference for d in drafts))
            if not asked & set(orders) or orders in told:
                continue
            told.add(orders)
            yield from self.tell(chart, day, session, last, sessions)
        mine = [d for d in judged_drafts(chart) if self.is_ours(d)]
        if mine and not told:
            yield from self.gaps(chart, mine)

    def is_ours(self, draft: DraftOrder) -> bool:
        if draft.procedure is not None:
            return not self.procedures.isdisjoint(draft.procedure.concepts)
        return draft.therapy is not None and self.drugs.covers(draft.therapy)

    def gaps(self, chart: Chart, mine: list[DraftOrder]) -> Iterator[NotChecked]:
        """What could not be seen of the other side: medications for a procedure, procedures for a drug."""
        if any(draft.procedure is not None for draft in mine):
            yield from list_gaps(chart, self.row.id, MEDICATION_SOURCES)
            yield from undated(chart, self.drugs, self.row.id)
        if any(draft.therapy is not None for draft in mine):
            yield from list_gaps(chart, self.row.id, ("procedures",))

    def tell(
        self,
        chart: Chart,
        day: dt.date,
        session: DraftOrder | None,
        last: Given,
        sessions: tuple[tuple[dt.date, DraftOrder | None], ...],
    ) -> Iterator[Verdict]:
        """The finding for one session and the dose before it."""
        situation = Situation(draft=session or last.draft)
        tier, because = fitting_tier(self.row, chart, situation)
        if tier is None or excluded(self.row, chart, situation):
            return
        days = (day - last.day).days
        unsure = not last.certain and self.within_days - days <= ORDER_DATE_UNCERTAINTY_DAYS
        name = self.drugs.name_in(last.therapy)
        written: list[Remedy] = []
        if "move-draft" in self.row.remedies and session is not None:
            target = last.day + dt.timedelta(days=self.within_days + 1)
            written.append(move(session, self.procedure_name, day, target))
        if "move-draft" in self.row.remedies and last.draft is not None:
            final = max(d for d, _ in sessions)
            written.append(move(last.draft, name, last.day, final + dt.timedelta(days=1)))
        evidence: tuple[Evidence, ...] = () if last.draft is not None else (evidence_of(last.therapy),)
        if session is None:
            evidence += tuple(
                Evidence(p.reference, p.label, p.day)
                for p in chart.procedures
                if p.day == day and not self.procedures.isdisjoint(p.concepts)
            )
        yield self.row.finding(
            msgspec.structs.replace(tier, severity="info") if unsure else tier,
            names={"drug": name, "procedure": self.procedure_name, "days": str(days)},
            orders=tuple(d.reference for d in (session, last.draft) if d is not None),
            evidence=evidence + because,
            found=(f"{name} on {last.day.isoformat()}", f"{self.procedure_name} on {day.isoformat()}"),
            caveats=("a date is only that on which the order was written",) if unsure else (),
            remedies=tuple(written),
        )


def move(draft: DraftOrder, name: str, start: dt.date, target: dt.date) -> Remedy:
    """A remedy that moves every date of a draft so that its day `start` becomes `target`."""
    return Remedy(
        f"Move {name} to {target.isoformat()}",
        (MoveDraft(order=draft.reference, days=(target - start).days, from_day=start),),
    )
