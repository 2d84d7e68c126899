"""A medication known only by its words: ingredients and brands in four languages, strength and route as written."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Final, Literal, TypeAlias

import msgspec

from ...clinical.therapy import RouteClass
from ..products import Product, Strength
from .combine import UNSPECIFIED
from .files import rows
from .routes import RouteWords, route_class
from .words import LONGEST, Phrases, words_of

IMMUNOGLOBULIN: Final = "immunoglobulin-normal-human"
COTRIMOXAZOLE: Final = frozenset({"sulfamethoxazole", "trimethoprim"})
_VITAMIN_D: Final = frozenset({"vitamin-d", "cholecalciferol", "ergocalciferol"})
_TIMED: Final = frozenset(
    {
        *("daily", "weekly", "day", "days", "week", "weeks", "qd", "bid", "tid", "qid", "qw"),
        *("dag", "dagen", "dagelijks", "daags", "wekelijks", "weken", "dd", "1dd", "2dd", "3dd"),
        *("tag", "tage", "taglich", "taeglich", "tgl", "woche", "wochen", "wochentlich", "woechentlich"),
        *("jour", "jours", "semaine", "semaines"),
    }
)
"""Words of a schedule: an amount beside one of them is a dose, not the strength of a product."""

_AMOUNT = re.compile(  # 1 value, 2 unit, 3 a share of weight, 4 and 5 so many mL, 6 a dose by weight or time
    r"(?<![\w.,])(\d{1,6}(?:[.,]\d{1,5})?)\s*"
    r"(mg|milligram(?:me)?s?|mcg|µg|μg|ug|microgram(?:me)?s?|mikrogramm|g|gr|gram(?:me)?s?|gramm|iu|ie|ui)\b"
    r"(?:\s*/\s*(m?g)\b|\s*(?:/|per|pro|par)\s*(?:(\d{1,4}(?:[.,]\d{1,4})?)\s*)?"
    r"(?:(ml|milliliters?|millilitres?)|(kg|m2|m²|day|d|dag|tag|jour|week|wk|woche|semaine|h|hr|hour|uur|min))\b)?"
)
_PAIR = re.compile(r"(?<![\w.,])(\d{2,4})\s*(?:mg)?\s*/\s*(\d{2,4})\s*mg\b(?!\s*/)")
_VOLUME = re.compile(r"(?<![\w.,/])(\d{1,4}(?:[.,]\d{1,3})?)\s*ml\b")
_PERCENT = re.compile(r"(?<![\w.,])(\d{1,2}(?:[.,]\d)?)\s*%")


TextReader: TypeAlias = Callable[[str], Product | None]


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """What a name stands for; `route` is the only route of a brand, "unknown" where there are several."""

    ingredients: frozenset[str]
    route: RouteClass = "unknown"


def load_names() -> Phrases[Named]:
    """The names of the ingredients in English, Dutch, German and French, and well-known brands."""
    return Phrases(
        (
            name,
            Named(ingredients=frozenset(ingredient.split("+")), route=route_class(route)),
            kind == "leading",
        )
        for ingredient, _, name, kind, route in rows("names.csv")
    )


def number(written: str) -> Decimal | None:
    """A number with decimal point or comma; None for one that could be meant with thousands ("1.000", "1,500")."""
    whole, _, fraction = written.replace(",", ".").partition(".")
    if len(fraction) == 3 and whole != "0":
        return None
    return Decimal(f"{whole}.{fraction}" if fraction else whole)


class Amount(msgspec.Struct, frozen=True, kw_only=True):
    """One amount: per mL, or per piece, with the volume of the piece in mL where it is stated."""

    value: Decimal
    unit: Literal["mg", "[iU]"]
    per: Literal["mL", "1"] = "1"
    piece_volume: Decimal | None = None


def _amount(found: re.Match[str]) -> Amount | None:
    value = number(found[1])
    if value is None or not value:
        return None
    unit: Literal["mg", "[iU]"] = "mg"
    written = found[2]
    if written in ("iu", "ie", "ui"):
        unit = "[iU]"
    elif written.startswith(("mc", "µ", "μ", "ug", "mik")) or written.startswith("microg"):
        value /= 1000
    elif written.startswith("g"):
        value *= 1000
    if found[3] is not None or found[6] is not None:
        return None
    if found[5] is None:
        return Amount(value=value, unit=unit)
    if found[4] is None:
        return Amount(value=value, unit=unit, per="mL")
    volume = number(found[4])
    if volume is None or not volume:
        return None
    return Amount(value=value, unit=unit, piece_volume=volume)


def _per_ml(amount: Amount, route: RouteClass) -> Amount | None:
    """An amount in so many mL as a concentration; None where only rounding would give one.

    The volume is that of one pen or syringe where the route is an injection; "25 mg/5 mL" of a syrup is no piece.
    """
    volume = amount.piece_volume
    if amount.per == "mL" or volume is None:
        return amount
    injected = route in ("parenteral", "subcutaneous", "intramuscular", "intravenous")
    share = (amount.value / volume).normalize()
    if share * volume != amount.value or len(share.as_tuple().digits) > 12:
        return amount if injected else None
    if share == share.to_integral_value():
        share = share.quantize(Decimal(1))
    return Amount(value=share, unit=amount.unit, per="mL", piece_volume=volume if injected else None)


def read_amount(text: str) -> Amount | None:
    """The one amount that a text consists of ("2.5 mg", "50 mg/mL"), or None."""
    found = _AMOUNT.fullmatch(text.strip().lower())
    amount = None if found is None else _amount(found)
    return None if amount is None else _per_ml(amount, "parenteral")


def _amounts(text: str, route: RouteClass) -> list[Amount] | None:
    """The distinct amounts of a text in order, or None where one of them cannot be read."""
    amounts: list[Amount] = []
    for found in _AMOUNT.finditer(text):
        amount = _amount(found)
        amount = None if amount is None else _per_ml(amount, route)
        if amount is None:
            return None
        if amount not in amounts:
            amounts.append(amount)
    return amounts


def strengths_of(
    text: str, words: tuple[str, ...], order: list[frozenset[str]], route: RouteClass
) -> tuple[Strength, ...]:
    """The strength of each ingredient where the words leave no doubt (CLINICAL D.2, 4c), else nothing.

    `order` is what was named, in the order of the text. A text with words of a schedule states doses, not strengths.
    """
    if not _TIMED.isdisjoint(words):
        return ()
    lowered = text.lower()
    ingredients = frozenset().union(*order)
    if ingredients == COTRIMOXAZOLE:
        return _cotrimoxazole(lowered, order)
    amounts = _amounts(lowered, route)
    if amounts is None:
        return ()
    singles = list(dict.fromkeys(name for named in order if len(named) == 1 for name in named))
    if len(ingredients) == 1:
        (ingredient,) = ingredients
        if not amounts and ingredient == IMMUNOGLOBULIN:
            amounts = _percent(lowered)
        if len(amounts) != 1:
            return ()
        return (_strength(ingredient, _in_pieces(amounts[0], lowered, route)),)
    if frozenset(singles) == ingredients and len(amounts) == len(singles):
        pairs = list(zip(singles, amounts, strict=True))
    else:
        pairs = []
        vitamins, units = ingredients & _VITAMIN_D, [a for a in amounts if a.unit == "[iU]"]
        if len(vitamins) == 1 and len(units) == 1:
            pairs = [(next(iter(vitamins)), units[0])]
    if any(amount.unit == "[iU]" and name not in _VITAMIN_D for name, amount in pairs):
        return ()
    return tuple(_strength(name, amount) for name, amount in pairs)


def _cotrimoxazole(text: str, order: list[frozenset[str]]) -> tuple[Strength, ...]:
    """Both parts of co-trimoxazole: written as 800/160, one after the other, or as their sum (480 is 400 + 80)."""
    pair = _PAIR.search(text)
    amounts = _amounts(text, "oral")
    if pair is not None:
        values = sorted((Decimal(pair[1]), Decimal(pair[2])), reverse=True)
    elif amounts and all(a.unit == "mg" and a.per == "1" for a in amounts) and len(amounts) == 2:
        values = sorted((a.value for a in amounts), reverse=True)
    elif amounts and len(amounts) == 1 and amounts[0].per == "1" and amounts[0].value in (120, 240, 480, 960):
        values = [amounts[0].value * 5 / 6, amounts[0].value / 6]
    else:
        return ()
    # Every licensed mixture holds five parts of sulfamethoxazole to one of trimethoprim.
    if values[0] != 5 * values[1] or frozenset().union(*order) != COTRIMOXAZOLE:
        return ()
    return (
        Strength(ingredient="sulfamethoxazole", amount=values[0], unit="mg", per="1", where="text"),
        Strength(ingredient="trimethoprim", amount=values[1], unit="mg", per="1", where="text"),
    )


def _percent(text: str) -> list[Amount]:
    """Immunoglobulin solutions are named by their percentage: 10 % is 100 mg/mL (CLINICAL D.2, 5)."""
    found = _PERCENT.findall(text)
    value = number(found[0]) if len(found) == 1 else None
    return [Amount(value=value * 10, unit="mg", per="mL")] if value else []


def _in_pieces(amount: Amount, text: str, route: RouteClass) -> Amount:
    """A concentration with the volume of one pen, syringe or vial, where the text gives exactly one volume."""
    if amount.per != "mL" or amount.piece_volume is not None or route in ("oral", "local", "unknown"):
        return amount
    volumes = {number(written) for written in _VOLUME.findall(text)}
    volume = volumes.pop() if len(volumes) == 1 else None
    return msgspec.structs.replace(amount, piece_volume=volume) if volume else amount


def _strength(ingredient: str, amount: Amount) -> Strength:
    return Strength(
        ingredient=ingredient,
        amount=amount.value,
        unit=amount.unit,
        per=amount.per,
        piece_volume=amount.piece_volume,
        where="text",
    )


_MORE_SPECIAL: Final[dict[str, frozenset[str]]] = {
    **UNSPECIFIED,
    # "immunoglobulin, hepatitis B": the general word beside a special one means the special one.
    IMMUNOGLOBULIN: frozenset(
        {
            "anti-d-immunoglobulin",
            "hepatitis-b-immunoglobulin",
            "tetanus-immunoglobulin",
            "rabies-immunoglobulin",
            "varicella-zoster-immunoglobulin",
            "cytomegalovirus-immunoglobulin",
            "botulism-immunoglobulin",
            "anti-thymocyte-globulin",
            "specific-immunoglobulin",
        }
    ),
}


def text_reader(names: Phrases[Named], routes: RouteWords, name_of: Callable[[frozenset[str]], str]) -> TextReader:
    """A function that reads the text of a medication; it remembers the last few thousand texts."""

    @lru_cache(maxsize=4096)
    def read_text(text: str) -> Product | None:
        words = words_of(text)
        named = list(names.find(words))
        if not named:
            return None
        ingredients = frozenset().union(*(n.ingredients for n in named))
        general = {g for g, special in _MORE_SPECIAL.items() if g in ingredients and special & ingredients}
        ingredients -= general
        order = [n.ingredients - general for n in named if n.ingredients - general]
        route = routes.of_product(words, {n.route for n in named} - {"unknown"})
        strengths = strengths_of(text, words, order, route)
        return Product(
            ingredients=ingredients,
            level="product" if strengths else "ingredient",
            strengths=strengths,
            route=route,
            label=name_of(ingredients),
        )

    def read_beginning(text: str) -> Product | None:
        # A text of any length would be remembered whole.
        return read_text(text if len(text) <= LONGEST else text[:LONGEST])

    return read_beginning
