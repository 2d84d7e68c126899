"""Drugs that count from a certain daily dose on."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from . import dose
from .chart import Answer
from .dose import Unknown
from .drugs import Drug
from .therapy import Therapy


class DrugAtDose(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Drugs that are alike; from so many mg on a day, where it says so."""

    drugs: Drug
    at_least_mg_per_day: Decimal | None = None

    def holds(self, therapy: Therapy) -> Answer:
        """Whether a therapy is one of them; unknown where a dose is asked for that is not known in mg."""
        if not self.drugs.covers(therapy):
            return "no"
        if self.at_least_mg_per_day is None:
            return "yes"
        daily = dose.daily_amount(therapy.regimen(min(self.drugs.ingredients & therapy.ingredients)))
        if isinstance(daily, Unknown) or daily.unit != "mg":
            return "unknown"
        return "yes" if daily.high >= self.at_least_mg_per_day else "no"
