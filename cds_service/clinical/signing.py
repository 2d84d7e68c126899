"""Ordering as the time of signing, for clients that do not ask when orders are signed (CLINICAL 0.1)."""

from __future__ import annotations

import msgspec

from .chart import Chart, DraftOrder
from .dose import Amount, steps


def at_signing(chart: Chart) -> Chart | None:
    """A chart of order-select as at order-sign, asking about the selected drafts that have a dose; None without any.

    The other drafts stay as its background.
    """
    drafts = tuple(
        msgspec.structs.replace(draft, selected=draft.selected and has_dose(draft)) for draft in chart.drafts
    )
    if not any(draft.selected for draft in drafts):
        return None
    return msgspec.structs.replace(chart, hook="order-sign", drafts=drafts)


def has_dose(draft: DraftOrder) -> bool:
    """Whether an order of a medication says how much, for one ingredient at least and in one step at least."""
    therapy = draft.therapy
    if therapy is None:
        return False
    doses = (step.dose for ingredient in therapy.ingredients for step in steps(therapy.regimen(ingredient)))
    return any(isinstance(dose, Amount) for dose in doses)
