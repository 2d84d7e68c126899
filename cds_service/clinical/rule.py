"""A rule: a row of knowledge, and the kind that decides with it.

The row says what (figures, tiers, wording, source); the kind says how. A kind yields findings and checks that could
not be made; what it does not yield is clear.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import ClassVar, Literal

import msgspec

from .chart import Chart
from .dose import Amount
from .findings import SEVERITY_ORDER, Citation, Evidence, Finding, Hook, NotChecked, OverrideReason, Severity
from .remedy import Remedy

Verdict = Finding | NotChecked
Group = Literal["G", "S"]
"""G: a guideline rule, behind the myositis gate; S: a safety rule, whatever the diagnosis (CLINICAL 0.1)."""


class Tier(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One severity of a rule and when it holds: all facts of `when` surely yes, none of `unless` surely yes.

    `case` names a situation that the kind tells apart (an "overlap"); `hooks` and `refill` narrow it further. `above`,
    `at_least` and `below` are figures in the rule's unit, `tolerance` the factor on `above` and `below` that is still at
    the limit (CLINICAL 0.5). `summary` replaces that of the row.
    """

    severity: Severity
    case: str = ""
    when: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    hooks: tuple[Hook, ...] = ()
    refill: bool = False
    above: Decimal | None = None
    at_least: Decimal | None = None
    below: Decimal | None = None
    tolerance: Decimal = Decimal(1)
    summary: str = ""

    def exceeded(self, amount: Amount, excess: Decimal = Decimal(1)) -> bool:
        """Whether an amount is strictly beyond the tier's figure, its tolerance and an excess allowed; at it, it is not.

        At `at_least` it is. The high end of a range is held against `above` and `at_least`, the low end against `below`.
        A tier without a figure is exceeded.
        """
        if self.above is not None and amount.high <= self.above * max(self.tolerance, excess):
            return False
        if self.at_least is not None and amount.high < self.at_least * excess:
            return False
        return self.below is None or amount.low < self.below * min(self.tolerance, 1 / excess)


class Silence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a finding of this rule silences (CLINICAL 0.8): other rules of the same order, or of the whole basket."""

    rules: tuple[str, ...]
    severity: Severity | None = None
    scope: Literal["order", "basket"] = "order"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What every rule has, whatever its kind. `group` G is a guideline rule behind the myositis gate, S a safety rule.

    `critical_class` checks come first among those that could not be made; `adult` marks a guideline rule that judges
    doses, which the table gives for adults. `joins` are the rules on whose card of the same order its finding is told,
    `may_raise` those that an order which its remedy creates may raise in turn (CLINICAL C.3).
    """

    id: str
    number: int
    group: Group
    hooks: frozenset[Hook]
    tiers: tuple[Tier, ...]
    summary: str
    why: tuple[str, ...]
    citations: tuple[Citation, ...]
    unless: tuple[str, ...] = ()
    remedies: tuple[str, ...] = ()
    override_reasons: tuple[OverrideReason, ...] = ()
    silences: tuple[Silence, ...] = ()
    joins: tuple[str, ...] = ()
    may_raise: tuple[str, ...] = ()
    critical_class: bool = False
    adult: bool = False

    @property
    def gravest(self) -> int:
        """How grave a finding of the row can be, as a rank: 0 is the gravest, and what a row without tiers may say."""
        return min((SEVERITY_ORDER[tier.severity] for tier in self.tiers), default=0)

    def finding(
        self,
        tier: Tier,
        *,
        names: Mapping[str, str],
        orders: tuple[str, ...],
        evidence: tuple[Evidence, ...] = (),
        found: tuple[str, ...] = (),
        caveats: tuple[str, ...] = (),
        remedies: tuple[Remedy, ...] = (),
    ) -> Finding:
        """A finding of this row at one tier; `names` fill the placeholders of its summary."""
        return Finding(
            rule=self.id,
            number=self.number,
            severity=tier.severity,
            orders=orders,
            evidence=evidence,
            summary=sentence((tier.summary or self.summary).format_map(names)),
            why=self.why,
            found=found,
            caveats=caveats,
            citations=self.citations,
            remedies=remedies,
            override_reasons=self.override_reasons,
        )


def sentence(text: str) -> str:
    """The text with a capital at its beginning, whatever name it begins with; "eGFR" stays as it is."""
    return text if text[1:2].isupper() else text[:1].upper() + text[1:]


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A row with its kind. Every kind is a subclass that says what placeholders its wording may use, what situations its
    tiers may name, which remedies it knows to make, and which drugs concern it."""

    row: Row

    PLACEHOLDERS: ClassVar[tuple[str, ...]] = ()
    CASES: ClassVar[tuple[str, ...]] = ()
    REMEDIES: ClassVar[tuple[str, ...]] = ()
    JUDGES_DOSE: ClassVar[bool] = False

    @property
    def concerns(self) -> frozenset[str]:
        """Ingredients and procedures one of which must be in the chart or the basket for the rule to be asked at all."""
        raise TypeError(f"{type(self).__name__} states no concern")

    @property
    def facts(self) -> tuple[str, ...]:
        """The facts that its own parameters name, beside those of the tiers and of `unless`."""
        return ()

    @property
    def mentions(self) -> frozenset[str]:
        """The ids of all that its parameters name: what it does not name cannot change what it says."""
        return frozenset(named_in([value for field, value in fields_of(self) if field != "row"]))

    def knowing(self, rules: Sequence[Rule]) -> Rule:
        """The rule as it is among all rules; most are what they are whatever the others."""
        return self

    def at_risk(self, chart: Chart) -> bool:
        """Whether the patient has risk factors that the rule is about, whatever it says of them at this order."""
        return False

    def longest_names(self) -> dict[str, str]:
        """The longest value of each placeholder, by which the wording is measured when it is loaded."""
        return {}

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        """What the rule says about the chart at its hook."""
        raise TypeError(f"{type(self).__name__} decides nothing")


def fields_of(value: msgspec.Struct) -> Iterator[tuple[str, object]]:
    """The fields of a value with their names."""
    return ((name, getattr(value, name)) for name in value.__struct_fields__)


def named_in(value: object) -> Iterator[str]:
    """Every text that stands in a value, or in what it is made of."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, msgspec.Struct):
        for _, inner in fields_of(value):
            yield from named_in(inner)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from named_in(key)
            yield from named_in(inner)
    elif isinstance(value, tuple | list | frozenset):
        for inner in value:
            yield from named_in(inner)
