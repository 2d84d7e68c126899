"""The chart as it would be once an offer was accepted, read from the very resources that the EHR would send back."""

from __future__ import annotations

import msgspec

from ..clinical.chart import Chart
from ..clinical.remedy import Offer
from ..clinical.therapy import Therapy
from .chart import ChartReader


def accepted(chart: Chart, offer: Offer, reader: ChartReader) -> Chart | None:
    """The chart with the offer's drafts deleted, updated and created; None where one of them cannot be read back.

    When a chart is opened there is no basket: a created medication is then an order on the chart as well.
    """
    drafts = {draft.reference: draft for draft in chart.drafts}
    taken: list[Therapy] = []
    for change in offer.changes:
        if change.kind == "delete":
            drafts.pop(change.target, None)
            continue
        draft = reader.read_draft(change.resource, change.target)
        if draft is None:
            return None
        drafts[draft.reference] = draft
        if chart.hook == "patient-view" and draft.therapy is not None:
            taken.append(msgspec.structs.replace(draft.therapy, source="request", status="active"))
    after = msgspec.structs.replace(chart, drafts=tuple(drafts.values()))
    return msgspec.structs.replace(after, therapies=with_these(chart, taken)) if taken else after


def with_these(chart: Chart, taken: list[Therapy]) -> dict[str, tuple[Therapy, ...]]:
    """The therapies of a chart and these beside them."""
    therapies = {ingredient: chart.therapies[ingredient] for ingredient in chart.therapies}
    for therapy in taken:
        for ingredient in therapy.ingredients:
            therapies[ingredient] = (*therapies.get(ingredient, ()), therapy)
    return therapies
