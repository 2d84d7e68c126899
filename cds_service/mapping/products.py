"""A product: what a medication code or name stands for, and how much of each ingredient is in one unit of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec

from ..clinical.therapy import RouteClass


class Strength(msgspec.Struct, frozen=True, kw_only=True):
    """So much of an ingredient in one unit of a product: 2.5 mg per tablet, 50 mg per mL.

    `amount` is in mg (`unit` "mg") or international units ("[iU]"); `per` is "mL" for a concentration and "1" for a
    countable piece (tablet, capsule, vial, pen, puff). `piece_volume` is the volume of one piece in mL where the
    product states it (a 0.4 mL pen). `where` names the element or code it comes from.
    """

    ingredient: str
    amount: Decimal
    unit: Literal["mg", "[iU]"]
    per: Literal["mL", "1"]
    piece_volume: Decimal | None = None
    where: str = ""


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """What a code or a name stands for. `level` is "ingredient" for a substance without form and strength.

    `ingredients` are ids of our own lists; `others` is true where the product holds further active ingredients outside
    them. `route` is what the dose form or the code implies, "unknown" where it implies nothing.
    """

    ingredients: frozenset[str]
    level: Literal["ingredient", "product"]
    strengths: tuple[Strength, ...] = ()
    route: RouteClass = "unknown"
    label: str = ""
    others: bool = False
