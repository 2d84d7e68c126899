"""Reads Observations of one concept into results: numbers in the concept's own unit, or words, newest first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec

from ..clinical.chart import Result
from .dates import read_day
from .elements import Quantity, listed
from .laboratory import LABORATORY
from .records import ObservationRecord
from .units import centimetres, kilograms, nanograms_per_millilitre

VALID = frozenset(("final", "amended", "corrected"))
CONVERTED: dict[str, tuple[str, Callable[[Quantity], Decimal | None]]] = {
    "body-weight": ("kg", kilograms),
    "body-height": ("cm", centimetres),
    "tacrolimus-level": ("ng/mL", nanograms_per_millilitre),
    "tacrolimus-trough": ("ng/mL", nanograms_per_millilitre),
    **{concept: (unit.unit, unit.read) for concept, unit in LABORATORY.items()},
}
"""The unit that a concept's numbers are converted into, and how; any other keeps the unit that it came with."""
POSITIVE = frozenset(("POS", "H", "HH", "A", "AA"))
NEGATIVE = frozenset(("NEG", "N", "L", "LL"))


def read_results(concept: str, records: Sequence[ObservationRecord]) -> tuple[Result, ...]:
    """The valid results of a concept, newest first; those without a date come last.

    Final, amended and corrected ones are valid. A value that is absent for a stated reason is no result.
    """
    results = [
        read_result(concept, record)
        for record in records
        if record.status in VALID and record.data_absent_reason is None
    ]
    return tuple(sorted(results, key=lambda result: result.day or dt.date.min, reverse=True))


def read_result(concept: str, record: ObservationRecord) -> Result:
    """One result. A number in a unit that cannot be converted carries a problem instead of a value; one with a
    comparator is a limit and a problem, no value."""
    period = record.effective_period
    day = read_day(record.effective_date_time or record.effective_instant or (period.start if period else None))
    quantity = record.value_quantity
    value, unit, problem = number(quantity, concept)
    limit: Decimal | None = None
    if quantity is not None and quantity.comparator:
        limit = number(msgspec.structs.replace(quantity, comparator=None), concept)[0]
    ranges = record.reference_range
    low, high = (ranges[0].low, ranges[0].high) if ranges else (None, None)
    return Result(
        reference=record.reference,
        concept=concept,
        day=day,
        value=value,
        unit=unit,
        word=word(record),
        text=text_of(record),
        comparator=(quantity.comparator or "") if quantity is not None and limit is not None else "",
        limit=limit,
        low=number(low, concept)[0],
        high=number(high, concept)[0],
        problem=problem,
        date=read_day(record.value_date_time),
        code=code_of(record),
    )


def number(quantity: Quantity | None, concept: str) -> tuple[Decimal | None, str, str]:
    """A quantity in the concept's unit, that unit, and what is wrong with it where it has no value that can be used."""
    if quantity is None or quantity.value is None:
        return None, "", ""
    own = quantity.code or quantity.unit or ""
    if quantity.comparator:
        return None, own, "the result is only a limit"
    if concept not in CONVERTED:
        return quantity.value, own, ""
    unit, convert = CONVERTED[concept]
    converted = convert(quantity)
    return converted, unit, "" if converted is not None else "the unit of the result is not known"


def word(record: ObservationRecord) -> str:
    """What a result says in a word: "positive" or "negative" by its interpretation or a yes or no; else its own text."""
    codes = {coding.code for item in listed(record.interpretation) for coding in (item.coding or ())}
    if codes & POSITIVE:
        return "positive"
    if codes & NEGATIVE:
        return "negative"
    if record.value_boolean is not None:
        return "positive" if record.value_boolean else "negative"
    return text_of(record)


def code_of(record: ObservationRecord) -> str:
    """The first code of a result that is a concept, else ""."""
    concept = record.value_codeable_concept
    codings = (concept.coding or ()) if concept is not None else ()
    return next((coding.code for coding in codings if coding.code), "")


def text_of(record: ObservationRecord) -> str:
    """The result in its own words, in lower case; "" for a number."""
    concept = record.value_codeable_concept
    if concept is not None:
        displays = [coding.display for coding in (concept.coding or ()) if coding.display]
        return (concept.text or (displays[0] if displays else "")).strip().lower()
    return (record.value_string or "").strip().lower()
