"""Which tier of a row holds, and whether the row is excluded at all: the questions that every kind asks alike."""

from __future__ import annotations

import msgspec

from .chart import Chart, Fact
from .dose import Amount
from .facts import Situation, ask
from .findings import Evidence, NotChecked
from .rule import Row, Tier

ADULT_YEARS = 18


def excluded(row: Row, chart: Chart, situation: Situation) -> bool:
    """Whether any fact of the row's `unless` surely holds, or a guideline rule's gate is shut (CLINICAL 0.2).

    The gate of a guideline rule is myositis and no other indication; that of one that judges doses also adult age. An
    unknown age shuts it too: `age_gap` says so.
    """
    if any(ask(chart, name, situation).answer == "yes" for name in row.unless):
        return True
    if row.group == "S":
        return False
    if ask(chart, "iim", situation).answer == "no" or ask(chart, "other-indication", situation).answer == "yes":
        return True
    return row.adult and not is_adult(chart)


def is_adult(chart: Chart) -> bool:
    """Whether the patient is known to be 18 or older."""
    age = chart.patient.age(chart.as_of)
    return age is not None and age >= ADULT_YEARS


def age_gap(row: Row, chart: Chart, situation: Situation) -> NotChecked | None:
    """What a dose rule could not check for want of a date of birth, where nothing else excludes it."""
    if not row.adult or chart.patient.birth_date is not None:
        return None
    if excluded(msgspec.structs.replace(row, adult=False), chart, situation):
        return None
    return NotChecked(row.id, "date of birth")


def fitting_tier(
    row: Row, chart: Chart, situation: Situation, *, case: str = "", refill: bool = False, amount: Amount | None = None
) -> tuple[Tier | None, tuple[Evidence, ...]]:
    """The first tier that holds at this hook, and beyond whose figure `amount` is; None where none does.

    With it comes the evidence of the facts that it names.
    """
    for tier in row.tiers:
        if tier.case != case or (tier.hooks and not (chart.hook in tier.hooks or (tier.refill and refill))):
            continue
        if amount is not None and not tier.exceeded(amount):
            continue
        facts: list[Fact] = [ask(chart, name, situation) for name in tier.when]
        if any(fact.answer != "yes" for fact in facts):
            continue
        if any(ask(chart, name, situation).answer == "yes" for name in tier.unless):
            continue
        return tier, tuple(evidence for fact in facts for evidence in fact.evidence)
    return None, ()
