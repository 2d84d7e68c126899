"""Medicines by code: RxNorm at every level, NDC, ATC and SNOMED CT substances, as products."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final, Literal, NamedTuple

import msgspec

from ...clinical.therapy import RouteClass
from ..products import Product, Strength
from .files import rows
from .routes import route_class
from .systems import URI, Vocabulary

_PACKAGES: Final = frozenset({"GPCK", "BPCK"})
PLAINEST: Final = 9


class Coded(NamedTuple):
    """A code to write: system, code and the name that its owner gives it ("" where we may not ship that name)."""

    system: str
    code: str
    display: str


class Medicines(msgspec.Struct, frozen=True, kw_only=True):
    """The tables of medicines; every product object is shared by all codes that mean it."""

    by_code: Mapping[Vocabulary, Mapping[str, Product]]
    ingredient_codes: Mapping[tuple[str, Vocabulary], Coded]
    """The code to write for an ingredient in RxNorm, ATC or SNOMED CT."""
    product_codes: Mapping[tuple[str, RouteClass], Mapping[Decimal, Coded]]
    """The RxNorm clinical drugs of one ingredient and route by mg in one piece; plain tablets before other forms."""
    tablet_codes: Mapping[Contents, Coded]
    """The RxNorm clinical drug of several ingredients to be swallowed, by what one piece holds."""
    combination_codes: Mapping[tuple[frozenset[str], Vocabulary], Coded]
    """The code of several ingredients together, without their strengths, in RxNorm or ATC."""


Contents = frozenset[tuple[str, Decimal, str]]
"""What one piece of a product holds: each ingredient with its amount and unit."""


def load_medicines(names: Mapping[str, str]) -> Medicines:
    """Reads the tables; `names` gives the English name of each ingredient. Raises ValueError for a wrong row."""
    rxnorm: dict[str, Product] = {}
    ingredient_codes: dict[tuple[str, Vocabulary], Coded] = {}
    product_codes: dict[tuple[str, RouteClass], dict[Decimal, Coded]] = {}
    best: dict[tuple[str, Decimal, RouteClass], int] = {}
    tablet_codes: dict[Contents, Coded] = {}
    combination_codes: dict[tuple[frozenset[str], Vocabulary], Coded] = {}
    for code, tty, name, route, volume, contents, others, _ in rows("rxnorm.csv"):
        where = f"RxNorm {code}"
        strengths = tuple(_strengths(contents, volume, where))
        product = Product(
            ingredients=frozenset(part.partition(" ")[0] for part in contents.split("; ")),
            level="product" if strengths or tty in _PACKAGES else "ingredient",
            strengths=strengths,
            route=route_class(route),
            label=name,
            others=others == "yes",
        )
        rxnorm[code] = product
        if len(product.ingredients) > 1 and not product.others:
            coded = Coded(URI["rxnorm"], code, name)
            if tty == "MIN":
                combination_codes.setdefault((product.ingredients, "rxnorm"), coded)
            elif tty == "SCD" and _plainness(name) == PLAINEST:
                tablet_codes.setdefault(frozenset((s.ingredient, s.amount, s.unit) for s in strengths), coded)
        if len(product.ingredients) != 1 or product.others:
            continue
        (ingredient,) = product.ingredients
        if tty == "IN":
            ingredient_codes.setdefault((ingredient, "rxnorm"), Coded(URI["rxnorm"], code, name))
        elif tty == "SCD" and strengths and (strengths[0].per, strengths[0].unit) == ("1", "mg"):
            key = (ingredient, strengths[0].amount, product.route)
            rank = _plainness(name)
            if rank > best.get(key, -1):
                best[key] = rank
                pieces = product_codes.setdefault((ingredient, product.route), {})
                pieces[strengths[0].amount] = Coded(URI["rxnorm"], code, name)

    atc: dict[str, Product] = {}
    for use, code, concepts, others, route, _, _ in rows("atc.csv"):
        if use != "medication":
            continue
        ingredients = frozenset(concepts.split("+"))
        label = " + ".join(sorted(names[ingredient] for ingredient in ingredients))
        atc[code] = Product(
            ingredients=ingredients,
            level="ingredient",
            route=route_class(route),
            label=label,
            others=others == "yes",
        )
        if len(ingredients) == 1 and others != "yes":
            ingredient_codes.setdefault((concepts, "atc"), Coded(URI["atc"], code, ""))
        elif others != "yes":
            combination_codes.setdefault((ingredients, "atc"), Coded(URI["atc"], code, ""))

    snomed: dict[str, Product] = {}
    for use, code, concepts, term, _, _ in rows("snomed.csv"):
        if use == "substance":
            snomed[code] = Product(ingredients=frozenset({concepts}), level="ingredient", label=term)
            ingredient_codes.setdefault((concepts, "snomed"), Coded(URI["snomed"], code, term))

    return Medicines(
        by_code={
            "rxnorm": rxnorm,
            "atc": atc,
            "snomed": snomed,
            "ndc": {ndc: rxnorm[code] for ndc, code, _ in rows("ndc.csv")},
        },
        ingredient_codes=ingredient_codes,
        product_codes=product_codes,
        tablet_codes=tablet_codes,
        combination_codes=combination_codes,
    )


def _strengths(contents: str, volume: str, where: str) -> Iterator[Strength]:
    for part in contents.split("; "):
        ingredient, _, amount = part.partition(" ")
        if not amount:
            continue
        value, _, unit = amount.partition(" ")
        kind, _, below = unit.partition("/")
        yield Strength(
            ingredient=ingredient,
            amount=Decimal(value),
            unit=_unit(kind),
            per="mL" if below == "mL" else "1",
            piece_volume=Decimal(volume) if volume else None,
            where=where,
        )


def _unit(written: str) -> Literal["mg", "[iU]"]:
    if written == "mg":
        return "mg"
    if written == "[iU]":
        return "[iU]"
    raise ValueError(f"unit {written!r} in rxnorm.csv is neither mg nor [iU]")


def _plainness(name: str) -> int:
    """How plain a clinical drug is: a swallowed tablet before a capsule, both before special forms."""
    for rank, special in enumerate(("Release", "Disintegrating", "Chewable", "Wafer")):
        if special in name:
            return rank
    return PLAINEST if name.endswith("Oral Tablet") else 8 if name.endswith("Oral Capsule") else 5
