"""Why a low dose of a drug that is dosed by weight may be meant, and for how long it has been taken, as facts."""

from __future__ import annotations

from collections.abc import Callable

from .chart import Chart, Fact
from .exposure import active, recent
from .facts import EGFR, FACTS, NO, Situation, latest_result
from .facts_disease import Sought, condition, either, saying
from .findings import Evidence

LATENCY_DAYS = 84
"""Twelve weeks, for "at least 3 months" (CLINICAL AZA-07) [OURS]."""
RENEWAL_GAP_DAYS = 30
"""An order that ended so long ago was renewed by the next one."""
OLD_YEARS = 75
LOW_EGFR = 50
FEW_LEUCOCYTES = 4
XANTHINE_OXIDASE_INHIBITORS = ("allopurinol", "febuxostat", "oxipurinol", "topiroxostat")


def taken_for_more_than_84_days(chart: Chart, situation: Situation) -> Fact:
    """The drug has been taken for more than 84 days, renewals counted from the first; unknown where no start is known."""
    therapy = situation.therapy
    if therapy is None:
        return NO
    chain = [
        other
        for ingredient in therapy.ingredients
        for other in chart.therapies.get(ingredient, ())
        if active(other, chart.as_of) == "yes" or recent(other, chart.as_of, RENEWAL_GAP_DAYS) == "yes"
    ]
    starts = [other.start for other in (therapy, *chain) if other.start is not None]
    if not starts:
        return Fact("unknown", missing="since when it is taken")
    first = min(starts)
    if (chart.as_of - first).days <= LATENCY_DAYS:
        return NO
    return Fact("yes", (Evidence(therapy.reference, therapy.label, first),))


def _old(chart: Chart) -> tuple[Evidence, ...]:
    age = chart.patient.age(chart.as_of)
    return (Evidence(chart.patient.reference, f"{age} years"),) if age is not None and age >= OLD_YEARS else ()


def _low(concepts: tuple[str, ...], name: str, below: int) -> Sought:
    def find(chart: Chart) -> tuple[Evidence, ...]:
        newest = latest_result(chart, concepts)
        if newest is None or newest.value is None or newest.value >= below:
            return ()
        return (Evidence(newest.reference, f"{name} below {below}", newest.day),)

    return Sought(find, ("observations",))


def _with_inhibitor(chart: Chart) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(therapy.reference, therapy.label, therapy.start)
        for ingredient in XANTHINE_OXIDASE_INHIBITORS
        for therapy in chart.therapies.get(ingredient, ())
        if active(therapy, chart.as_of) == "yes"
    )


LOW_THIOPURINE_MEANT = either(
    condition("tpmt-deficiency"),
    saying("intermediate", "tpmt-phenotype", "nudt15-phenotype"),
    saying("poor", "tpmt-phenotype", "nudt15-phenotype"),
    Sought(_with_inhibitor, ("medicationRequests",)),
    _low(EGFR, "eGFR", LOW_EGFR),
    _low(("wbc",), "leucocytes", FEW_LEUCOCYTES),
    Sought(_old, ("patient",)),
)
"""What azathioprine is dosed low for on purpose (CLINICAL AZA-02)."""

LOW_DOSE_FACTS: dict[str, Callable[[Chart, Situation], Fact]] = {
    "taken-for-more-than-84-days": taken_for_more_than_84_days,
    "low-thiopurine-meant": LOW_THIOPURINE_MEANT,
}
"""Every fact of this module that a row may name."""


if clash := FACTS.keys() & LOW_DOSE_FACTS.keys():
    raise ValueError(f"facts are defined twice: {sorted(clash)}")
FACTS.update(LOW_DOSE_FACTS)
