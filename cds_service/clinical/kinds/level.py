"""A drug whose dose follows its level in blood: the dose by weight, softened or sharpened by the newest level."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from .. import dose
from ..chart import Chart, Result
from ..dose import Unknown
from ..evidence import evidence_of, shown
from ..exposure import active, history
from ..facts import latest_result
from ..findings import Evidence, Finding, NotChecked
from ..rule import Verdict
from ..subjects import Subject, alongside
from ..therapy import Therapy
from ..tiers import fitting_tier
from .limit import DoseLimit


class LevelGuidedLimit(DoseLimit, frozen=True, kw_only=True):
    """A dose limit beside the newest of the results `levels`, at most `level_days` old, in `level_unit`.

    A warning has the severity of the tier "level-low" where the level is at most `level_at_most`. Where the dose itself
    is no finding, or by an old weight a remark, the tier "level-high" holds for a level above `level_above` if the order
    does not lower the daily dose that is being taken. A day's amount outside `plausible_mg` (least, most) is judged, and
    named as not sure.
    """

    levels: tuple[str, ...]
    level_days: int
    level_unit: str
    level_at_most: Decimal
    level_above: Decimal
    plausible_mg: tuple[Decimal, Decimal]

    PLACEHOLDERS = ("drug", "amount", "level")
    CASES = ("", "no-size", "level-low", "level-high")

    def longest_names(self) -> dict[str, str]:
        return {**DoseLimit.longest_names(self), "level": "999.99"}

    def judge(self, chart: Chart, subject: Subject) -> Iterator[Verdict]:
        level = self.level(chart)
        verdicts = list(DoseLimit.judge(self, chart, subject))
        total = self.total((subject.therapy, *alongside(chart, self.drugs, subject)))
        told = [verdict for verdict in verdicts if isinstance(verdict, Finding)]
        high: tuple[Verdict, ...] = ()
        if level is not None and not isinstance(total, Unknown) and all(each.severity == "info" for each in told):
            high = tuple(self.too_high(chart, subject, total, level))
        # A dose that is a remark for want of a recent weight says less than a level that is too high: one card.
        instead = any(isinstance(verdict, Finding) for verdict in high)
        for verdict in verdicts:
            if not isinstance(verdict, Finding):
                yield verdict
            elif not instead:
                yield self.beside_level(chart, subject, verdict, level)
        if isinstance(total, Unknown):
            return
        least, most = self.plausible_mg
        if total.unit == "mg" and not (least <= total.low and total.high <= most):
            name = self.drugs.name_in(subject.therapy)
            yield NotChecked(self.row.id, f"whether the unit of {name} is right", order=subject.therapy.reference)
        yield from high

    def level(self, chart: Chart) -> Result | None:
        """The newest level that can be used, or None."""
        found = latest_result(chart, self.levels, days=self.level_days)
        return found if found is not None and found.unit in ("", self.level_unit) else None

    def beside_level(self, chart: Chart, subject: Subject, finding: Finding, level: Result | None) -> Finding:
        """The finding with the level as evidence, softened by a low one."""
        if level is None or level.value is None:
            return finding
        severity = finding.severity
        if severity == "warning" and level.value <= self.level_at_most:
            tier, _ = fitting_tier(self.row, chart, subject.situation, case="level-low")
            severity = tier.severity if tier is not None else severity
        return msgspec.structs.replace(
            finding, severity=severity, evidence=(*finding.evidence, self.evidence(level, level.value))
        )

    def too_high(self, chart: Chart, subject: Subject, total: dose.Amount, level: Result) -> Iterator[Verdict]:
        """A high level, and an order that goes on with at least the daily dose that is being taken."""
        if level.value is None or level.value <= self.level_above:
            return
        running = taken(chart, self, subject)
        if not running:
            return
        name = self.drugs.name_in(subject.therapy)
        current = self.total(running)
        if isinstance(current, Unknown) or current.unit != total.unit:
            yield NotChecked(self.row.id, f"whether the dose of {name} is lowered", order=subject.therapy.reference)
            return
        if total.high < current.high:
            return
        tier, because = fitting_tier(self.row, chart, subject.situation, case="level-high")
        if tier is None:
            return
        yield self.row.finding(
            tier,
            names={"drug": name, "amount": dose.plain(total.high), "level": dose.plain(level.value)},
            orders=(subject.therapy.reference,),
            evidence=(self.evidence(level, level.value), *map(evidence_of, running), *because),
            found=(shown(subject.therapy), *map(shown, running)),
        )

    def evidence(self, level: Result, value: Decimal) -> Evidence:
        """The level as evidence."""
        return Evidence(level.reference, f"level {dose.plain(value)} {self.level_unit}", level.day)


def taken(chart: Chart, rule: LevelGuidedLimit, subject: Subject) -> tuple[Therapy, ...]:
    """What is being taken of the drug, what the draft replaces included; statements where no order is active."""
    running = [
        therapy
        for therapy in history(chart, rule.drugs)
        if therapy is not subject.therapy and active(therapy, chart.as_of) == "yes"
    ]
    orders = tuple(therapy for therapy in running if therapy.source == "request")
    return orders or tuple(therapy for therapy in running if therapy.source == "statement")
