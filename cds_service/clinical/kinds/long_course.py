"""A drug given in cycles for so long that the table names another one."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from ..chart import Chart
from ..drugs import Drug
from ..evidence import evidence_of
from ..exposure import MEDICATION_SOURCES, history, judged_drafts, list_gaps
from ..facts import Situation
from ..facts_disease import gate_unseen, unseen
from ..rule import Rule, Verdict
from ..tiers import excluded, fitting_tier
from ..timeline import Cycle, cycles, days_given, grams_per_kg
from .indication import unique
from .sequence import REPLACEMENT


class LongCourse(Rule, frozen=True, kw_only=True):
    """Fires where at least `cycles` cycles of a drug were given, `span_days` or more from the first start to the last,
    the last of them at most `recent_days` days ago, and `next_drug` was never given nor is being ordered.

    A cycle of at most `above_g_per_kg`, or for replacement, does not count; one whose dose is not known does. At the
    order hooks it speaks about an order of the drug.
    """

    drugs: Drug
    next_drug: Drug
    cycles: int
    span_days: int
    recent_days: int
    above_g_per_kg: Decimal

    PLACEHOLDERS = ("drug", "next_drug")

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns

    def longest_names(self) -> dict[str, str]:
        return {"drug": self.drugs.longest_name, "next_drug": self.next_drug.longest_name}

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        drafts = [d for d in judged_drafts(chart) if d.therapy is not None and self.drugs.covers(d.therapy)]
        if chart.hook != "patient-view" and not drafts:
            return
        draft = drafts[0] if drafts else None
        situation = Situation(draft=draft, therapy=draft.therapy if draft is not None else None)
        if excluded(self.row, chart, situation) or history(chart, self.next_drug):
            return
        if any(d.therapy is not None and self.next_drug.covers(d.therapy) for d in chart.drafts):
            return
        counting = [cycle for cycle in cycles(days_given(chart, self.drugs)) if self.counts(chart, cycle)]
        gaps = unique((*gate_unseen(self.row, chart, situation), *list_gaps(chart, self.row.id, MEDICATION_SOURCES)))
        if gaps:
            yield from gaps
            return
        if len(counting) < self.cycles:
            return
        span = (counting[-1].start - counting[0].start).days
        if span < self.span_days or (chart.as_of - counting[-1].end).days > self.recent_days:
            return
        doubts = unseen(self.row, chart, self.row.unless)
        if doubts:
            yield from doubts
            return
        tier, because = fitting_tier(self.row, chart, situation)
        if tier is None:
            return
        last = counting[-1].days[-1].therapy
        yield self.row.finding(
            tier,
            names={"drug": self.drugs.name_in(last), "next_drug": self.next_drug.longest_name},
            orders=(draft.reference,) if draft is not None else (),
            evidence=(evidence_of(counting[0].days[0].therapy), evidence_of(last), *because),
            found=(
                f"{len(counting)} cycles over {span} days, from {counting[0].start.isoformat()} to "
                f"{counting[-1].start.isoformat()}",
            ),
        )

    def counts(self, chart: Chart, cycle: Cycle) -> bool:
        """Whether a cycle was given, and is not replacement."""
        if cycle.start > chart.as_of or any(given.draft is not None for given in cycle.days):
            return False
        if any(not given.therapy.reasons.isdisjoint(REPLACEMENT) for given in cycle.days):
            return False
        amount = grams_per_kg(chart, cycle)
        return amount is None or amount > self.above_g_per_kg
