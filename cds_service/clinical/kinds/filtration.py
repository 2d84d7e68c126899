"""A dose that is too much where the kidneys filter slowly."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from .. import dose
from ..chart import Chart
from ..dose import Unknown
from ..evidence import evidence_of, shown
from ..exposure import missing_datum
from ..facts import latest_result
from ..findings import Evidence, NotChecked
from ..rule import Verdict
from ..subjects import Subject, alongside
from ..tiers import fitting_tier
from .limit import DoseLimit


class LimitBySlowFiltration(DoseLimit, frozen=True, kw_only=True):
    """A limit in mg that holds where the newest of `results`, an estimated filtration rate, is below `below`; at it the
    limit does not hold. A dose above the limit with no rate on record is named as not checked."""

    results: tuple[str, ...]
    below: Decimal

    PLACEHOLDERS = ("drug", "amount", "rate")
    CASES = ("",)
    REMEDIES = ()

    def longest_names(self) -> dict[str, str]:
        return {**DoseLimit.longest_names(self), "rate": "99.999"}

    def judge(self, chart: Chart, subject: Subject) -> Iterator[Verdict]:
        newest = latest_result(chart, self.results)
        rate = newest.value if newest is not None else None
        if rate is not None and rate >= self.below:
            return
        others = alongside(chart, self.drugs, subject)
        total = self.total((subject.therapy, *others))
        name = self.drugs.name_in(subject.therapy)
        sized = total if isinstance(total, Unknown) else self.by_size(chart, total)
        if isinstance(sized, Unknown):
            yield NotChecked(self.row.id, f"the dose of {name}", order=subject.therapy.reference)
            return
        total, _ = sized
        tier, because = fitting_tier(self.row, chart, subject.situation, amount=total)
        if tier is None:
            return
        if newest is None or rate is None:
            yield missing_datum(chart, self.row.id, "eGFR", "observations")
            return
        amount = dose.plain(total.high)
        charted = tuple(evidence_of(other) for other in others if other.source != "draft")
        yield self.row.finding(
            tier,
            names={"drug": name, "amount": amount, "rate": dose.plain(rate)},
            orders=(subject.therapy.reference,),
            evidence=(
                *(() if subject.draft else (evidence_of(subject.therapy),)),
                *charted,
                Evidence(newest.reference, f"eGFR {dose.plain(rate)}", newest.day),
                *because,
            ),
            found=(shown(subject.therapy), *map(shown, others), f"{amount} mg in a {self.span}"),
        )
