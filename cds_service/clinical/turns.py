"""Orders that take turns: the most that falls on one day, where several are not all given on the same days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from decimal import Decimal

from . import dose
from .chart import Chart
from .dose import Amount, Regimen, Unknown
from .exposure import first_day
from .therapy import Therapy

HORIZON_DAYS = 365
"""How far ahead days are compared."""
Worth = Callable[[Therapy, Amount | Unknown], Amount | Unknown]
"""What an amount of a therapy counts in the sum, in one unit for all."""


def most_on_a_day(
    chart: Chart, orders: Sequence[tuple[Therapy, Regimen]], begin: dt.date, worth: Worth
) -> Decimal | None:
    """The most that orders give together on one day from `begin` on.

    None where there is one instruction at a time and nothing to add, or where an amount or the days are not fixed.
    """
    if len(orders) == 1 and all(len(phase) == 1 for phase in orders[0][1].phases):
        return None
    total: dict[dt.date, Decimal] = {}
    for therapy, regimen in orders:
        start = first_day(therapy, chart.as_of)
        if not (therapy.source == "draft" or therapy.start_certain or falls_on_known_days(regimen)):
            return None
        horizon = max((begin - start).days, 0) + HORIZON_DAYS
        days = dose.amounts_by_day(regimen, start=start, horizon_days=horizon)
        if isinstance(days, Unknown):
            return None
        for day, amount in days:
            counted = worth(therapy, amount)
            if isinstance(counted, Unknown):
                return None
            if day >= begin:
                total[day] = total.get(day, Decimal(0)) + counted.high
    return max(total.values(), default=None)


def falls_on_known_days(regimen: Regimen) -> bool:
    """Whether the days of giving do not hang on the first of them: every day, named days of the week, or dates."""
    return all(
        step.weekdays or step.dates or (step.period_days is not None and step.period_days <= 1)
        for step in dose.steps(regimen)
    )
