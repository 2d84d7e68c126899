"""Two drugs that must not be taken together, where the drafted one may be replaced by another that does its work."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from .. import dose
from ..chart import Chart, DraftOrder
from ..dose import Unknown
from ..exposure import active
from ..proposal import Proposal
from ..remedy import DeleteDraft, Remedy
from ..rule import Rule, Tier
from ..therapy import Therapy
from .combination import AvoidCombination
from .pneumocystis import CoverByDose


class Instead(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What takes the place of a drafted order of the ingredient `of` at a prophylactic dose: what the rule `due_by`
    proposes with this `ingredient`, where prophylaxis is due by that rule."""

    of: str
    at_most_mg_per_day: Decimal
    due_by: str
    ingredient: str


class AvoidOrReplace(AvoidCombination, frozen=True, kw_only=True):
    """As its base, with a second remedy: the drafted order taken back and another drug ordered in its place.

    It is offered to those alone to whom the other rule offers it, and not beside the same drug.
    """

    instead: Instead
    due: CoverByDose | None = None

    REMEDIES = ("delete-draft", "replace-draft")

    def knowing(self, rules: Sequence[Rule]) -> Rule:
        """The rule with the one that tells when prophylaxis is due; without that one nothing is ever replaced."""
        due = next((r for r in rules if r.row.id == self.instead.due_by and isinstance(r, CoverByDose)), None)
        return msgspec.structs.replace(self, due=due)

    def remedies(self, chart: Chart, drafts: tuple[DraftOrder, ...], tier: Tier) -> tuple[Remedy, ...]:
        plain = super().remedies(chart, drafts, tier)
        draft = next((d for d in drafts if d.therapy is not None and self.is_prophylaxis(d.therapy)), None)
        proposal = self.proposal
        if "replace-draft" not in self.row.remedies or draft is None or proposal is None or self.due is None:
            return plain
        if self.is_there(chart) or not self.due.is_due(chart) or not proposal.fits(chart):
            return plain
        return (*plain, Remedy(f"Replace it by {proposal.label}", (DeleteDraft(draft.reference), proposal.order())))

    @property
    def proposal(self) -> Proposal | None:
        """What is ordered in the place of the draft."""
        proposals = self.due.proposals if self.due is not None else ()
        return next((each for each in proposals if each.ingredient == self.instead.ingredient), None)

    def is_prophylaxis(self, therapy: Therapy) -> bool:
        """Whether a drafted order gives no more than the prophylactic dose on a day; exactly that much still is."""
        if self.instead.of not in therapy.ingredients:
            return False
        daily = dose.daily_amount(therapy.regimen(self.instead.of))
        return not isinstance(daily, Unknown) and daily.unit == "mg" and daily.high <= self.instead.at_most_mg_per_day

    def is_there(self, chart: Chart) -> bool:
        """Whether the other drug is taken or in the basket already."""
        drafted = (draft.therapy for draft in chart.drafts if draft.therapy is not None)
        there = (*chart.therapies.get(self.instead.ingredient, ()), *drafted)
        return any(self.instead.ingredient in t.ingredients and active(t, chart.as_of) == "yes" for t in there)
