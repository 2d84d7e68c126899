"""A dose limit that holds for one way of giving a drug, and needs to know which way it is."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from ..chart import Chart
from ..findings import NotChecked
from ..rule import Verdict
from ..subjects import subjects
from ..tiers import age_gap, excluded
from .limit import DoseLimit


class RouteLimit(DoseLimit, frozen=True, kw_only=True):
    """A dose limit for a drug by certain routes; an order that does not tell its route is named as not checked."""

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        yield from DoseLimit.verdicts(self, chart)
        anyhow = msgspec.structs.replace(self.drugs, routes=frozenset(("unknown",)))
        for subject in subjects(chart, anyhow):
            situation, therapy = subject.situation, subject.therapy
            if age_gap(self.row, chart, situation) is None and not excluded(self.row, chart, situation):
                name = self.drugs.name_in(therapy)
                yield NotChecked(self.row.id, f"the route of {name}", order=therapy.reference)
