"""An order that a row proposes, and to whom it may not be proposed (CLINICAL 0.6 and C.3)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal

import msgspec

from .chart import Chart
from .dose import DoseUnit, plain
from .drugs import Drug
from .exposure import list_gaps, search
from .facts import NOWHERE, ask
from .remedy import Content, CreateMedication, Remedy
from .tiers import is_adult


class Apart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Drugs that must be neither drafted nor taken, nor have ended at most so many days ago; that day counts."""

    drugs: Drug
    days: int = 0

    def kept(self, chart: Chart) -> bool:
        """Whether it surely is so."""
        taken = search(chart, self.drugs, rule="", recent_days=self.days)
        drafts = (draft.therapy for draft in chart.drafts if draft.therapy is not None)
        near = any(self.drugs.covers(draft) or self.drugs.may_cover(draft) for draft in drafts)
        return not (taken.found or taken.gaps or near)


class Proposal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An order once daily of a `name`: of one `ingredient` in its `dose`, or of one tablet with `contents`.

    It is offered to adults alone, where nobody is known to be allergic to it or to one of `allergens`, where all drugs of
    `apart` are far, and where every fact of `unless` is surely "no".
    """

    name: str
    ingredient: str = ""
    contents: tuple[Content, ...] = ()
    dose: Decimal = Decimal(1)
    unit: DoseUnit = "mg"
    with_words: str = ""
    reason: str
    apart: tuple[Apart, ...] = ()
    allergens: frozenset[str] = frozenset()
    unless: tuple[str, ...] = ()

    @property
    def ingredients(self) -> frozenset[str]:
        """All that it contains."""
        return frozenset(content.ingredient for content in self.contents) | ({self.ingredient} - {""})

    @property
    def amount(self) -> str:
        """How much of it, in words: of several contents in one unit the sum (co-trimoxazole 400 + 80 mg is 480 mg)."""
        parts: dict[str, Decimal] = {}
        for content in self.contents:
            parts[content.unit] = parts.get(content.unit, Decimal(0)) + content.amount
        parts = parts or {self.unit: self.dose}
        return " / ".join(f"{plain(amount)} {'IU' if unit == '[iU]' else unit}" for unit, amount in parts.items())

    @property
    def label(self) -> str:
        """The order in a few words."""
        return f"{self.name} {self.amount} once daily"

    def fits(self, chart: Chart) -> bool:
        """Whether it may be offered to the patient."""
        if not is_adult(chart) or any(list_gaps(chart, "", ("allergies",))):
            return False
        substances = self.ingredients | self.allergens
        if any(not substances.isdisjoint(allergy.substances) for allergy in chart.allergies):
            return False
        if not all(ask(chart, fact, NOWHERE).answer == "no" for fact in self.unless):
            return False
        return all(apart.kept(chart) for apart in self.apart)

    def order(self, start: dt.date | None = None) -> CreateMedication:
        """The order, from a day on where it is not to begin at once."""
        return CreateMedication(
            ingredient=self.ingredient,
            contents=self.contents,
            said=self.amount if self.contents else "",
            start=start,
            dose=self.dose,
            unit="1" if self.contents else self.unit,
            times=1,
            period_unit="d",
            with_words=self.with_words,
            reason=self.reason,
        )


def facts_of(proposals: Iterable[Proposal]) -> tuple[str, ...]:
    """The facts that the proposals name."""
    return tuple(fact for proposal in proposals for fact in proposal.unless)


def proposed(chart: Chart, proposals: tuple[Proposal, ...]) -> tuple[Remedy, ...]:
    """A remedy for each proposal that fits the patient, the first one preferred."""
    fitting = [proposal for proposal in proposals if proposal.fits(chart)]
    return tuple(
        Remedy(f"Add {proposal.label}", (proposal.order(),), recommended=number == 0)
        for number, proposal in enumerate(fitting)
    )
