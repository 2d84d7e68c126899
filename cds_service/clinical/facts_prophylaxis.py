"""Facts by which a prophylactic order is due, or may not be offered: of blood, kidneys, minerals and inborn defects."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

from .chart import Chart, Fact
from .facts import FACTS, Situation
from .facts_disease import LOW_FILTRATION, Sought, condition, either
from .findings import Evidence
from .results import above, as_evidence, below, newest_number

FEW_LYMPHOCYTES_BELOW = Decimal("0.5")
FEW_LYMPHOCYTES_DAYS = 90
POTASSIUM_ABOVE_MMOL_PER_L = Decimal("5.5")
CALCIUM_ABOVE_MMOL_PER_L = Decimal("2.60")


def _few_lymphocytes(chart: Chart) -> tuple[Evidence, ...]:
    newest = newest_number(chart, ("lymphocytes",))
    if newest.found is None or newest.days > FEW_LYMPHOCYTES_DAYS:
        return ()
    few = below(newest.found, FEW_LYMPHOCYTES_BELOW) == "yes"
    return (as_evidence(newest.found, "lymphocytes", "x10^9/L"),) if few else ()


def _higher(concepts: Iterable[str], name: str, figure: Decimal) -> Callable[[Chart], tuple[Evidence, ...]]:
    """The newest result of these concepts, of whatever age, where it is above a figure."""

    def find(chart: Chart) -> tuple[Evidence, ...]:
        found = newest_number(chart, concepts).found
        if found is None or above(found, figure) != "yes":
            return ()
        return (as_evidence(found, name, "mmol/L"),)

    return find


SEVERE_KIDNEY_DISEASE = either(
    LOW_FILTRATION, condition("ckd-stage-4", "ckd-stage-5", "ckd-end-stage", "dialysis-dependent")
)

PROPHYLAXIS_FACTS: dict[str, Callable[[Chart, Situation], Fact]] = {
    "few-lymphocytes": Sought(_few_lymphocytes, ("observations",)),
    "severe-kidney-disease": SEVERE_KIDNEY_DISEASE,
    "high-potassium": either(
        Sought(_higher(("potassium",), "potassium", POTASSIUM_ABOVE_MMOL_PER_L), ("observations",)),
        condition("hyperkalaemia"),
    ),
    "g6pd-deficiency": condition("g6pd-deficiency"),
    "calcium-unwanted": either(
        Sought(_higher(("calcium",), "calcium", CALCIUM_ABOVE_MMOL_PER_L), ("observations",)),
        condition("hypercalcaemia", "primary-hyperparathyroidism", "sarcoidosis", "urinary-stones"),
        SEVERE_KIDNEY_DISEASE,
    ),
}
"""Every fact of this module that a row may name."""


if clash := FACTS.keys() & PROPHYLAXIS_FACTS.keys():
    raise ValueError(f"facts are defined twice: {sorted(clash)}")
FACTS.update(PROPHYLAXIS_FACTS)
