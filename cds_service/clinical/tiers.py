"""Which tier of a row holds, and whether the row is excluded at all: the questions that every kind asks alike."""

from __future__ import annotations

from .chart import Chart
from .facts import Fact, Situation, ask
from .findings import Evidence
from .rule import Row, Tier


def excluded(row: Row, chart: Chart, situation: Situation) -> bool:
    """Whether any fact of the row's `unless` surely holds, or a guideline rule's gate is surely shut (CLINICAL 0.2)."""
    if any(ask(chart, name, situation).answer == "yes" for name in row.unless):
        return True
    if row.group == "S":
        return False
    return ask(chart, "iim", situation).answer == "no" or ask(chart, "other-indication", situation).answer == "yes"


def fitting_tier(
    row: Row, chart: Chart, situation: Situation, *, case: str = "", refill: bool = False
) -> tuple[Tier | None, tuple[Evidence, ...]]:
    """The first tier that holds at this hook, with the evidence of the facts that it names; None where none does."""
    for tier in row.tiers:
        if tier.case != case or (tier.hooks and not (chart.hook in tier.hooks or (tier.refill and refill))):
            continue
        facts: list[Fact] = [ask(chart, name, situation) for name in tier.when]
        if any(fact.answer != "yes" for fact in facts):
            continue
        if any(ask(chart, name, situation).answer == "yes" for name in tier.unless):
            continue
        return tier, tuple(evidence for fact in facts for evidence in fact.evidence)
    return None, ()
