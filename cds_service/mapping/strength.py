"""Strengths: how much of an ingredient one piece or one mL holds, by the product's code, ingredients or name."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import cache
from typing import Literal, Protocol

import msgspec

from .elements import CodeableConcept, Ratio
from .products import Product, Strength
from .units import Unit, find_unit, read_unit, usable

MOST_MG_PER_ML = 2000
MOST_MG_PER_PIECE = 100_000
"""More than this cannot be in a millilitre or in a piece [OURS]: a strength beyond is a mistake."""

LONGEST_NAME = 300
"""A longer text is no product's name and is not searched for a strength."""

Recognise = Callable[[CodeableConcept], frozenset[str]]


class Ingredient(Protocol):
    """An element of Medication.ingredient."""

    @property
    def item_codeable_concept(self) -> CodeableConcept | None:
        """What it is."""

    @property
    def is_active(self) -> bool | None:
        """Whether it is an active ingredient; None where that is not said."""

    @property
    def strength(self) -> Ratio | None:
        """How much of it is in how much of the product."""


def read_strengths(
    product: Product | None,
    ingredients: Sequence[Ingredient],
    texts: Sequence[str],
    ingredient: str,
    *,
    recognise: Recognise | None = None,
) -> tuple[Strength, ...]:
    """The strengths of a medication in one ingredient, the most trusted first: coded product, ingredients, name.

    `ingredient` is an id of our lists, "" for the only ingredient of the product. `recognise` tells the ids of a coded
    ingredient; without it the ingredients of a combination are told apart by name. Implausible strengths are left out.
    """
    coded = product.strengths if product is not None else ()
    if ingredient:
        coded = tuple(strength for strength in coded if strength.ingredient == ingredient)
    elif len({strength.ingredient for strength in coded}) > 1:
        coded = ()
    found = [*coded, *_of_ingredients(ingredients, ingredient, recognise)]
    found += [strength for text in texts for strength in read_text_strength(text, ingredient)]
    return tuple(dict.fromkeys(strength for strength in found if plausible(strength)))


def plausible(strength: Strength) -> bool:
    """Whether so much of a drug can be in one mL or one piece."""
    if strength.amount <= 0 or not usable(strength.amount):
        return False
    if strength.unit != "mg":
        return True
    return strength.amount <= (MOST_MG_PER_ML if strength.per == "mL" else MOST_MG_PER_PIECE)


def _of_ingredients(ingredients: Sequence[Ingredient], wanted: str, recognise: Recognise | None) -> list[Strength]:
    active = [(index, item) for index, item in enumerate(ingredients) if item.is_active is not False]
    chosen = [(index, item) for index, item in active if _is(item, wanted, recognise)]
    if not chosen and len(active) == 1 and not _is_another(active[0][1], wanted, recognise):
        chosen = active
    if len(chosen) != 1:
        return []
    index, item = chosen[0]
    strength = read_ratio(item.strength, wanted, f"Medication.ingredient[{index}].strength")
    return [strength] if strength is not None else []


def _is(item: Ingredient, wanted: str, recognise: Recognise | None) -> bool:
    concept = item.item_codeable_concept
    if not wanted or concept is None:
        return False
    if recognise is not None and wanted in recognise(concept):
        return True
    names = [concept.text or "", *(coding.display or "" for coding in concept.coding or ())]
    return any(_names(name, wanted) for name in names)


def _is_another(item: Ingredient, wanted: str, recognise: Recognise | None) -> bool:
    concept = item.item_codeable_concept
    if recognise is None or concept is None or not wanted:
        return False
    known = recognise(concept)
    return bool(known) and wanted not in known


def _names(text: str, wanted: str) -> bool:
    return wanted.replace("-", " ") in text.casefold().replace("-", " ")


def read_ratio(ratio: Ratio | None, ingredient: str, where: str) -> Strength | None:
    """A strength from a Ratio, or None where it is none: no value, equal sides, per gram, units unknown."""
    if ratio is None or ratio.numerator is None or ratio.denominator is None:
        return None
    over, under = ratio.numerator, ratio.denominator
    if over.value is None or under.value is None or not (usable(over.value) and usable(under.value)):
        return None
    if over.value <= 0 or under.value <= 0 or over.comparator or under.comparator:
        return None
    numerator, denominator = read_unit(over), read_unit(under)
    if not isinstance(numerator, Unit) or not isinstance(denominator, Unit):
        return None
    if numerator.measure not in ("mg", "[iU]"):
        return None
    amount = over.value * numerator.factor / (under.value * denominator.factor)
    if denominator.measure == "mL":
        return _strength(ingredient, amount, numerator, "mL", where=where)
    if denominator.measure == "1" and denominator.piece:
        return _strength(ingredient, amount, numerator, "1", where=where)
    return None


def _strength(
    ingredient: str, amount: Decimal, unit: Unit, per: Literal["mL", "1"], *, volume: Decimal | None = None, where: str
) -> Strength:
    return Strength(
        ingredient=ingredient,
        amount=amount,
        unit="mg" if unit.measure == "mg" else "[iU]",
        per=per,
        piece_volume=volume,
        where=where,
    )


class _Stated(msgspec.Struct, frozen=True):
    amount: Decimal
    unit: Unit
    start: int
    per: str
    volume: Decimal | None


@cache
def _pattern() -> re.Pattern[str]:
    return re.compile(
        r"(?<![\d.,/])(?P<number>\d+(?:[.,]\d+)?)\s*-?\s*"
        r"(?P<unit>mg|g|gram|milligrams?|mcg|[µμ]g|ug|micrograms?|microgramm|iu|i\.u\.|ie|unt|units?)(?![a-z²])"
        r"(?P<per>\s*(?:/|per|in)\s*(?P<volume>\d+(?:[.,]\d+)?)?\s*"
        r"(?P<under>ml|l|g|mg|mcg|kg|m2|cm2|h|hr|hour|day|d|actuat\w*|spray|puff|dose|\d*\s*h\w*)(?![a-z]))?",
        re.IGNORECASE,
    )


@cache
def _volume_pattern() -> re.Pattern[str]:
    return re.compile(r"(?<![\d.,/])(\d+(?:[.,]\d+)?)\s*ml(?![a-z/])", re.IGNORECASE)


_PERCENT = re.compile(r"(?<![\d.,/])(\d+(?:[.,]\d+)?)\s*%")
_DILUENT = re.compile(r"\bin\b|nacl|saline|sodium chloride|natriumchlorid|gluco|dextro|%.*%", re.IGNORECASE)
MILLIGRAM = Unit("mg")
_PREFILLED = re.compile(
    r"\b(?:pen|syringe|spuit|spritze|seringue|stylo|injector|auto-injector|autoinjector|ampoule|ampul|vial|flacon|cartridge)",
    re.IGNORECASE,
)


def read_text_strength(text: str, ingredient: str) -> tuple[Strength, ...]:
    """The strength that a product's name states, or none where it states several or none that is certain.

    A decimal comma is read ("7,5 mg"); a number that may have a thousands mark ("1.000 mg") is not. Of a combination
    the part that names the ingredient counts; "800/160 mg" is no strength. Of a percentage (of weight in volume) the
    concentration follows.
    """
    if len(text) > LONGEST_NAME or not any(letter.isdigit() for letter in text):
        return ()
    stated = _stated(text)
    if not stated and (percent := _read_percent(text)) is not None:
        return (_strength(ingredient, percent * 10, MILLIGRAM, "mL", where="name"),)
    if not stated or any(item is None for item in stated):
        return ()
    known = [item for item in stated if item is not None]
    if len({(item.amount, item.unit.factor, item.per, item.volume) for item in known}) > 1:
        known = _nearest(text, known, ingredient)
    if len(known) != 1 and len({(item.amount * item.unit.factor, item.per) for item in known}) != 1:
        return ()
    item = known[0]
    amount = item.amount * item.unit.factor
    if not item.per:
        return (_strength(ingredient, amount, item.unit, "1", where="name"),)
    concentration = amount / (item.volume or Decimal(1))
    return (_strength(ingredient, concentration, item.unit, "mL", volume=_piece_volume(text, item), where="name"),)


def _stated(text: str) -> list[_Stated | None]:
    found: list[_Stated | None] = []
    for match in _pattern().finditer(text):
        number, unit = read_written_number(match["number"]), find_unit(match["unit"])
        if number is None or unit is None or number <= 0:
            found.append(None)
            continue
        per = (match["under"] or "").casefold()
        if per == "" and text[match.end() : match.end() + 1] == "/":
            found.append(None)
            continue
        if per and per not in ("ml", "l"):
            continue
        volume = read_written_number(match["volume"]) if match["volume"] else None
        if match["volume"] and (volume is None or volume <= 0):
            found.append(None)
            continue
        if per == "l":
            volume = (volume or Decimal(1)) * 1000
        found.append(_Stated(number, unit, match.start(), "mL" if per else "", volume if per else None))
    return found


def _nearest(text: str, known: list[_Stated], ingredient: str) -> list[_Stated]:
    """The strength in the part of a combination's name that names the ingredient."""
    if not ingredient:
        return []
    bounds = [0, *(match.end() for match in re.finditer(r"\s[/+]\s|,\s", text)), len(text) + 1]
    for start, end in itertools.pairwise(bounds):
        if _names(text[start:end], ingredient):
            inside = [item for item in known if start <= item.start < end]
            return inside if len(inside) == 1 else []
    return []


def _read_percent(text: str) -> Decimal | None:
    """The percentage of a solution (10 % is 100 mg in a mL), None where it may be that of what it is dissolved in."""
    match = _PERCENT.search(text)
    return read_written_number(match[1]) if match is not None and not _DILUENT.search(text) else None


def _piece_volume(text: str, item: _Stated) -> Decimal | None:
    volumes = {read_written_number(match[1]) for match in _volume_pattern().finditer(text)}
    if item.volume is not None and _PREFILLED.search(text):
        return item.volume if volumes <= {item.volume} else None
    if item.volume is None and len(volumes) == 1:
        return volumes.pop()
    return None


def read_written_number(written: str) -> Decimal | None:
    """A number as people write it, with a decimal point or comma; None where the mark may stand for thousands."""
    whole, mark, rest = written.replace(",", ".").partition(".")
    if mark and len(rest) == 3 and whole.strip("0"):
        return None
    number = Decimal(f"{whole}.{rest}" if mark else whole)
    return number if usable(number) else None
