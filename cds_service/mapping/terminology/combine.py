"""Several codings of one medication, resolved together: what agrees narrows, what disagrees is said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from ...clinical.therapy import Confidence
from ..products import Product, Strength
from .routes import agreed

UNSPECIFIED: Final[dict[str, frozenset[str]]] = {
    # ATC L04AA06 and the SNOMED CT substance cover CellCept and Myfortic alike (CLINICAL A.6).
    "mycophenolate": frozenset({"mycophenolate-mofetil", "mycophenolic-acid"}),
    # "Calcium 500 mg" does not say which salt.
    "calcium": frozenset({"calcium-carbonate", "calcium-citrate"}),
    "vitamin-d": frozenset({"cholecalciferol", "ergocalciferol"}),
}
"""Ingredients that a name or a code leaves open, and what they may turn out to be."""


class Combined(msgspec.Struct, frozen=True, kw_only=True):
    """What a medication is, by everything that was said of it.

    `product` is None where nothing was recognised. `conflict` names the statements that exclude each other; the product
    then holds the ingredients of all of them, so that every safety rule sees each.
    """

    product: Product | None
    conflict: tuple[str, ...] = ()
    confidence: Confidence = "code"


NOTHING: Final = Combined(product=None)


def covers(general: frozenset[str], special: frozenset[str]) -> bool:
    """Whether each ingredient of `general` is in `special`, itself or as what an unspecified one may turn out to be."""
    return all(name in special or not special.isdisjoint(UNSPECIFIED.get(name, ())) for name in general)


def combine(products: Sequence[tuple[Product, str]]) -> Combined:
    """One product from several with the place of each: the richest, with route and strength from those that agree.

    A code for one of its parts agrees with a combination; an unspecified ingredient agrees with what it may turn out
    to be. A strength on which two products differ is left out. Nothing in gives nothing out.
    """
    if not products:
        return NOTHING
    first = products[0][0]
    if len(products) == 1 or all(product is first for product, _ in products):
        return Combined(product=first)
    richest = first
    for product, _ in products:
        if _richness(product) > _richness(richest):
            richest = product
    others = [(product, where) for product, where in products if not covers(product.ingredients, richest.ingredients)]
    union = richest.ingredients.union(*(product.ingredients for product, _ in others))
    conflict: tuple[str, ...] = ()
    if others:
        place = next(where for product, where in products if product is richest)
        conflict = tuple(f"{product.label} ({where})" for product, where in [(richest, place), *others])
    agreeing = [product for product, _ in products]
    return Combined(
        product=Product(
            ingredients=union,
            level="product" if any(product.level == "product" for product in agreeing) else "ingredient",
            strengths=() if conflict else _strengths(agreeing, richest.ingredients),
            route=agreed((product.route for product in agreeing), narrow=True),
            label=richest.label,
            others=any(product.others for product in agreeing),
        ),
        conflict=conflict,
    )


def _richness(product: Product) -> tuple[int, int, bool]:
    return (
        len(product.ingredients),
        -len(product.ingredients & UNSPECIFIED.keys()),
        product.level == "product",
    )


def _strengths(products: Sequence[Product], ingredients: frozenset[str]) -> tuple[Strength, ...]:
    found: dict[tuple[str, str], Strength | None] = {}
    for product in products:
        for strength in product.strengths:
            if strength.ingredient not in ingredients:
                continue
            key = (strength.ingredient, strength.per)
            known = found.setdefault(key, strength)
            if known is None or known is strength:
                continue
            if (known.amount, known.unit) != (strength.amount, strength.unit):
                found[key] = None
            elif known.piece_volume is None:
                found[key] = strength
            elif strength.piece_volume not in (None, known.piece_volume):
                found[key] = msgspec.structs.replace(known, piece_volume=None)
    return tuple(strength for strength in found.values() if strength is not None)
