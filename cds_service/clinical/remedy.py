"""What could be done about a finding, in clinical words; and the same once written for an EHR.

A remedy is one choice: all its actions together or none. What a remedy may do at all is bounded by CLINICAL 0.6.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Final, Literal

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


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """So much of an ingredient in one tablet of a product."""

    ingredient: str
    amount: Decimal
    unit: Literal["mg", "[iU]"] = "mg"


class CreateMedication(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Orders a medication: `dose` in `unit` per administration, `times` in each `period_unit`, on the named weekdays.

    It is of one `ingredient`, or of tablets that hold several, the `contents`; its dose is then a number of tablets
    (unit "1"), and `said` how the product is written beside its name ("480 mg"). `start` is the first day, where it is
    not the day of signing. `with_words` is what the instruction adds ("with food"), `reason` the text of the indication.
    """

    ingredient: str = ""
    contents: tuple[Content, ...] = ()
    said: str = ""
    start: dt.date | None = None
    dose: Decimal
    unit: DoseUnit
    times: int
    period_unit: Literal["d", "wk"] = "wk"
    weekdays: tuple[Weekday, ...] = ()
    with_words: str = ""
    reason: str


TEST_NAMES: Final[dict[str, str]] = {
    "egfr-ckd-epi-2021-creatinine": "creatinine with eGFR",
    "wbc": "white blood cell count (CBC)",
    "neutrophils": "neutrophil count (CBC with differential)",
    "hbsag": "HBsAg",
    "anti-hbc-total": "total anti-HBc",
    "hbv-dna": "HBV DNA",
    "igg": "IgG",
    "iga": "IgA",
    "igm": "IgM",
    "igra-tb": "IGRA (tuberculosis)",
    "tpmt-genotype": "TPMT genotype",
    "nudt15-genotype": "NUDT15 genotype",
    "tacrolimus-level": "tacrolimus trough level",
    "pregnancy-test": "hCG (pregnancy test)",
}
"""Every laboratory test that a remedy may order (CLINICAL 0.6), by the concept of its result, and how it is printed."""
_TESTS: Final = {name.casefold(): concept for concept, name in TEST_NAMES.items()}


def name_of_test(concept: str) -> str:
    """How a test is printed. Raises KeyError for one that may not be ordered."""
    return TEST_NAMES[concept]


def named_test(text: str) -> str | None:
    """The concept of the test whose printed name a text is, word for word; None for any other text."""
    return _TESTS.get(text.strip().casefold())


class CreateTests(msgspec.Struct, frozen=True, tag=True):
    """Orders laboratory tests, each by an order of its own: `tests` are concepts of results; `reason` in words."""

    tests: tuple[str, ...]
    reason: str


class StepChange(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of one dosage instruction of a draft; what is None stays as it is.

    `index` counts the order's instructions from 0. `dose` in `unit` is for one administration. `times` administrations
    in each `period_unit` ("d" or "wk"), on `weekdays` where they are named. `days` is the length of the course from its
    first day, on each of which the drug is given; `dates` replace explicit dates. `text` is the new instruction in words.
    """

    index: int
    dose: Decimal | None = None
    unit: DoseUnit = "mg"
    times: int | None = None
    period_unit: Literal["d", "wk"] = "d"
    weekdays: tuple[Weekday, ...] = ()
    days: int | None = None
    dates: tuple[dt.date, ...] = ()
    text: str


class StepBefore(msgspec.Struct, frozen=True, kw_only=True):
    """A step of `dose` mg once daily for `days`, given before the only instruction of a draft, which follows it.

    `text` is the new instruction in words.
    """

    dose: Decimal
    days: int
    text: str


class ChangeDosage(msgspec.Struct, frozen=True, tag=True):
    """Changes the dosage of a draft, downwards or over more days (CLINICAL 0.6); all else of the order stays.

    `before` is a step that is put before the only instruction of the order.
    """

    order: str
    steps: tuple[StepChange, ...]
    before: StepBefore | None = None


class ChangeRoute(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Has a draft given by another route: `steps` give each of its instructions a dose in mg and words for it. An
    order that names a product then names the `ingredient`, for the product may not be for that route; its timing stays."""

    order: str
    ingredient: str
    route: Literal["subcutaneous"]
    steps: tuple[StepChange, ...]


Action = DeleteDraft | MoveDraft | ChangeDosage | ChangeRoute | CreateMedication | CreateTests


class Remedy(msgspec.Struct, frozen=True):
    """One choice for the clinician: `label` is the whole sense in a few words (dose included).

    One that `eases` makes an order safer and leaves its finding as it is.
    """

    label: str
    actions: tuple[Action, ...]
    recommended: bool = False
    eases: bool = False


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
