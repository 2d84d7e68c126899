"""Two drugs that must not be taken together, where the drafted one may be replaced by another that does its work."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import msgspec

from .. import dose
from ..chart import Chart, DraftOrder
from ..dose import Unknown
from ..exposure import active, first_day, last_day
from ..glucocorticoids import Glucocorticoids
from ..remedy import CreateMedication, DeleteDraft, Remedy
from ..therapy import Therapy
from ..tiers import is_adult
from .combination import AvoidCombination


class Instead(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What takes the place of a drafted order of the ingredient `of` at a prophylactic dose, and to whom it is due.

    Due to whoever takes at least `glucocorticoid_mg_per_day` of the reference glucocorticoid for `glucocorticoid_days`,
    elapsed or expected (CLINICAL PJP-01); at both figures it is due. `dose` is in mg, once a day.
    """

    of: str
    at_most_mg_per_day: Decimal
    glucocorticoid_mg_per_day: Decimal
    glucocorticoid_days: int
    ingredient: str
    name: str
    dose: Decimal
    with_words: str = ""
    reason: str


class AvoidOrReplace(AvoidCombination, frozen=True, kw_only=True):
    """As its base, with a second remedy: the drafted order taken back and another drug ordered in its place.

    It is offered to adults only, never where an allergy or intolerance to the other drug is recorded or the allergies
    could not be had.
    """

    instead: Instead
    steroids: Glucocorticoids

    REMEDIES = ("delete-draft", "replace-draft")

    def remedies(self, chart: Chart, drafts: tuple[DraftOrder, ...]) -> tuple[Remedy, ...]:
        plain = super().remedies(chart, drafts)
        draft = next((d for d in drafts if d.therapy is not None and self.is_prophylaxis(d.therapy)), None)
        if "replace-draft" not in self.row.remedies or draft is None or not self.is_due(chart):
            return plain
        if self.is_refused(chart) or not is_adult(chart):
            return plain
        order = CreateMedication(
            ingredient=self.instead.ingredient,
            dose=self.instead.dose,
            unit="mg",
            times=1,
            period_unit="d",
            with_words=self.instead.with_words,
            reason=self.instead.reason,
        )
        label = f"Replace it by {self.instead.name} {dose.plain(self.instead.dose)} mg daily"
        return (*plain, Remedy(label, (DeleteDraft(draft.reference), order)))

    def is_prophylaxis(self, therapy: Therapy) -> bool:
        """Whether a drafted order gives no more than the prophylactic dose on a day; exactly that much still is."""
        if self.instead.of not in therapy.ingredients:
            return False
        daily = dose.daily_amount(therapy.regimen(self.instead.of))
        return not isinstance(daily, Unknown) and daily.unit == "mg" and daily.high <= self.instead.at_most_mg_per_day

    def is_refused(self, chart: Chart) -> bool:
        """Whether the other drug may not be tolerated, or is there already."""
        drafted = (draft.therapy for draft in chart.drafts if draft.therapy is not None)
        there = (*chart.therapies.get(self.instead.ingredient, ()), *drafted)
        return (
            "allergies" in chart.missing_sources
            or any(self.instead.ingredient in allergy.substances for allergy in chart.allergies)
            or any(self.instead.ingredient in t.ingredients and active(t, chart.as_of) == "yes" for t in there)
        )

    def is_due(self, chart: Chart) -> bool:
        """Whether prophylaxis is due by the glucocorticoids that are being taken."""
        total, since, until = Decimal(0), chart.as_of, chart.as_of
        open_ended = False
        taken = {
            id(therapy): therapy
            for ingredient in self.steroids.equal_to_5_mg
            for therapy in chart.therapies.get(ingredient, ())
            if therapy.systemic and therapy.source != "administration" and active(therapy, chart.as_of) == "yes"
        }
        for therapy in taken.values():
            if self.steroids.is_pulse(chart, therapy):
                continue
            amount = self.steroids.equivalent(chart, therapy, dose.average_daily_amount)
            if isinstance(amount, Unknown):
                continue
            total += amount.high
            since = min(since, first_day(therapy, chart.as_of))
            end = last_day(therapy)
            open_ended |= end is None
            until = max(until, end or until)
        long = open_ended or until - since + dt.timedelta(days=1) >= dt.timedelta(days=self.instead.glucocorticoid_days)
        return total >= self.instead.glucocorticoid_mg_per_day and long
