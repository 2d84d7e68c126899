"""What could be done about a finding, in clinical words; and the same once written for an EHR.

A remedy is one choice: all its actions together or none. What a remedy may do at all is bounded by CLINICAL 0.6.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Literal

import msgspec

from .dose import DoseUnit, Weekday


class DeleteDraft(msgspec.Struct, frozen=True, tag=True):
    """Takes one draft order back. `order` is its reference, `Type/id`; never an order of the chart."""

    order: str


class MoveDraft(msgspec.Struct, frozen=True, tag=True):
    """Moves every date of a draft by `days`; a draft without a date is taken to start on `from_day`."""

    order: str
    days: int
    from_day: dt.date


class CreateMedication(msgspec.Struct, frozen=True, tag=True):
    """Orders a medication: `dose` in `unit` per administration, so often per week, on the named weekdays.

    `reason` is the text of the indication. `start` is the first day, or None for today.
    """

    ingredient: str
    dose: Decimal
    unit: DoseUnit
    per_week: int
    weekdays: tuple[Weekday, ...]
    reason: str
    start: dt.date | None = None


Action = DeleteDraft | MoveDraft | CreateMedication


class Remedy(msgspec.Struct, frozen=True):
    """One choice for the clinician: `label` is the whole sense in a few words (dose included)."""

    label: str
    actions: tuple[Action, ...]
    recommended: bool = False


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """An action as an EHR carries it out: `resource` is opaque JSON for create and update, `target` the `Type/id` of
    what is updated or deleted."""

    kind: Literal["create", "update", "delete"]
    description: str
    target: str = ""
    resource: bytes = b""


class Offer(msgspec.Struct, frozen=True):
    """A remedy that was written: its label, and the changes it would make."""

    label: str
    changes: tuple[Change, ...]
    recommended: bool = False
