"""A procedure and what speaks for it; and one that takes out a drug that was just given."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal

import msgspec

from ..chart import Chart, DraftOrder
from ..drugs import Drug
from ..evidence import evidence_of
from ..exposure import MEDICATION_SOURCES, judged_drafts, list_gaps
from ..facts import Situation, ask
from ..facts_disease import gate_unseen, unseen
from ..findings import NotChecked
from ..rule import Rule, Verdict
from ..tiers import excluded, fitting_tier
from ..timeline import (
    ORDER_DATE_UNCERTAINTY_DAYS,
    Cycle,
    cycles,
    days_given,
    grams_per_kg,
    procedure_days,
    undated,
)
from .indication import together, unique
from .sequence import REPLACEMENT


class ProcedureIndication(Rule, frozen=True, kw_only=True):
    """Fires for every order of a procedure; facts in the tiers tell how much speaks for it."""

    procedures: frozenset[str]

    PLACEHOLDERS = ()

    @property
    def concerns(self) -> frozenset[str]:
        return self.procedures

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        yield from together(self.each(chart))

    def each(self, chart: Chart) -> Iterator[Verdict]:
        """What the rule says about each order by itself."""
        for draft in judged_drafts(chart):
            situation = Situation(draft=draft)
            if draft.procedure is None or self.procedures.isdisjoint(draft.procedure.concepts):
                continue
            if excluded(self.row, chart, situation):
                continue
            tier, because = fitting_tier(self.row, chart, situation)
            open_facts = [fact for each in self.row.tiers for fact in each.when if tier is None or each is not tier]
            doubts = unique(
                (
                    *gate_unseen(self.row, chart, situation),
                    *(unseen(self.row, chart, open_facts) if tier is None or not tier.when else ()),
                )
            )
            if doubts:
                yield from doubts
            elif tier is not None:
                facts = tuple(e for name in tier.when for e in ask(chart, name, situation).evidence)
                yield self.row.finding(
                    tier,
                    names={},
                    orders=(draft.reference,),
                    evidence=tuple(dict.fromkeys((*because, *facts))),
                    found=(draft.procedure.label,),
                )


class ExchangeAfterCycle(Rule, frozen=True, kw_only=True):
    """Fires where a procedure that removes a drug is done 0 to `within_days` days after the last day of a cycle of it;
    the last of them counts. A drafted cycle between two sessions, the next of them so close, is the case "between".

    One of the two is a draft that the hook asks about. A date of the drug that is only that of an order's writing makes
    it a remark within 14 days of the limit (CLINICAL B.3). A cycle of at most `above_g_per_kg` that follows a session
    within `within_days` days replaces what the session took out: it is not judged.
    """

    drugs: Drug
    procedures: frozenset[str]
    within_days: int
    above_g_per_kg: Decimal

    PLACEHOLDERS = ("drug", "days")
    CASES = ("", "between")

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns | self.procedures

    def longest_names(self) -> dict[str, str]:
        return {"drug": self.drugs.longest_name, "days": "99"}

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        asked = [draft for draft in judged_drafts(chart) if self.is_ours(draft)]
        if not asked:
            return
        sessions = procedure_days(chart, self.procedures)
        told = [v for cycle in cycles(days_given(chart, self.drugs)) for v in self.judge(chart, cycle, sessions, asked)]
        yield from together(told)
        if told:
            if any(draft.therapy is not None for draft in asked):
                yield from list_gaps(chart, self.row.id, ("procedures",))
            return
        if any(draft.procedure is not None for draft in asked):
            yield from list_gaps(chart, self.row.id, MEDICATION_SOURCES)
            yield from undated(chart, self.drugs, self.row.id)
        if any(draft.therapy is not None for draft in asked):
            yield from list_gaps(chart, self.row.id, ("procedures",))

    def is_ours(self, draft: DraftOrder) -> bool:
        """Whether a draft orders the procedure or the drug."""
        if draft.procedure is not None:
            return not self.procedures.isdisjoint(draft.procedure.concepts)
        return draft.therapy is not None and self.drugs.covers(draft.therapy)

    def judge(
        self,
        chart: Chart,
        cycle: Cycle,
        sessions: tuple[tuple[dt.date, DraftOrder | None], ...],
        asked: list[DraftOrder],
    ) -> Iterator[Verdict]:
        """One cycle and the first session after it."""
        after = next(((day, draft) for day, draft in sessions if self.soon(cycle.end, day)), None)
        if after is None:
            return
        day, session = after
        before = any(self.soon(other, cycle.start) and other < cycle.start for other, _ in sessions)
        drafts = tuple(draft for draft in (session, cycle.draft) if draft is not None)
        if not any(draft is mine for draft in drafts for mine in asked):
            return
        unsure = self.unsure(chart, cycle, before=before)
        if unsure or (before and self.replaces(chart, cycle)):
            yield from unsure
            return
        case = "between" if before and cycle.draft is not None else ""
        situation = Situation(draft=drafts[0])
        tier, because = fitting_tier(self.row, chart, situation, case=case)
        if tier is None or excluded(self.row, chart, situation):
            return
        last = cycle.days[-1]
        days = (day - cycle.end).days
        uncertain = not last.certain and self.within_days - days <= ORDER_DATE_UNCERTAINTY_DAYS
        name = self.drugs.name_in(last.therapy)
        yield self.row.finding(
            msgspec.structs.replace(tier, severity="info") if uncertain else tier,
            names={"drug": name, "days": str(days)},
            orders=tuple(dict.fromkeys(draft.reference for draft in drafts)),
            evidence=(*(() if last.draft else (evidence_of(last.therapy),)), *because),
            found=(f"last day of {name}: {cycle.end.isoformat()}", f"session on {day.isoformat()}"),
            caveats=("a date is only that on which the order was written",) if uncertain else (),
        )

    def unsure(self, chart: Chart, cycle: Cycle, *, before: bool) -> tuple[NotChecked, ...]:
        """What could not be had and could show that a cycle replaces what a session took out."""
        unknown = "observations" in chart.missing_sources and grams_per_kg(chart, cycle) is None
        if before and unknown and not self.replaces(chart, cycle):
            return tuple(list_gaps(chart, self.row.id, ("observations",)))
        if not before and (unknown or self.replaces(chart, cycle)):
            return tuple(list_gaps(chart, self.row.id, ("procedures",)))
        return ()

    def soon(self, first: dt.date, then: dt.date) -> bool:
        """Whether a day is 0 to `within_days` days after another."""
        return 0 <= (then - first).days <= self.within_days

    def replaces(self, chart: Chart, cycle: Cycle) -> bool:
        """Whether a cycle is replacement: by its dose, or by the reason of its order."""
        if any(not given.therapy.reasons.isdisjoint(REPLACEMENT) for given in cycle.days):
            return True
        amount = grams_per_kg(chart, cycle)
        return amount is not None and amount <= self.above_g_per_kg
