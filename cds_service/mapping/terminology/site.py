"""A site's own codes: a CSV file that says which ingredient, strength and form each of them means."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Collection
from pathlib import Path
from typing import Final

from ..products import Product, Strength
from .routes import RouteWords
from .text import read_amount

COLUMNS: Final = ["system", "code", "ingredient", "strength", "form"]


class SiteMappingError(ValueError):
    """The site's file is wrong; the message names file, line and reason."""


def read_site_mapping(path: Path, ingredients: Collection[str], routes: RouteWords) -> dict[tuple[str, str], Product]:
    """The products of a site's mapping file by (system, code).

    Columns `system, code, ingredient, strength, form`: ingredients of a combination are joined by `+`, and so are their
    strengths ("400 mg + 80 mg"); strength ("2.5 mg", "50 mg/mL", "20 mg/0.4 mL") and form (a dose form or a route in
    English, Dutch, German or French) may be empty. Raises SiteMappingError.
    """

    def wrong(line: int, reason: str) -> SiteMappingError:
        return SiteMappingError(f"{path.name}, line {line}: {reason}")

    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SiteMappingError(f"{path.name}: cannot be read as UTF-8 text ({type(error).__name__})") from None
    reader = csv.reader(text.splitlines(), skipinitialspace=True)
    heading = next(reader, [])
    if [name.strip() for name in heading] != COLUMNS:
        raise wrong(1, f"the columns must be {', '.join(COLUMNS)}")
    products: dict[tuple[str, str], Product] = {}
    for row in reader:
        line = reader.line_num
        if not any(row):
            continue
        if len(row) != len(COLUMNS):
            raise wrong(line, f"{len(row)} columns, not {len(COLUMNS)}")
        system, code, ingredient, strength, form = (cell.strip() for cell in row)
        if not system or not code:
            raise wrong(line, "system and code must both be given")
        if (system, code) in products:
            raise wrong(line, f"{code!r} is mapped twice")
        names = [name.strip() for name in ingredient.split("+")]
        for name in names:
            if name not in ingredients:
                near = difflib.get_close_matches(name, ingredients, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise wrong(line, f"unknown ingredient {name!r}{hint}")
        strengths: list[Strength] = []
        if strength:
            written = strength.split("+")
            if len(written) != len(names):
                raise wrong(line, f"{len(written)} strengths for {len(names)} ingredients")
            for name, part in zip(names, written, strict=True):
                amount = read_amount(part)
                if amount is None:
                    raise wrong(line, f'strength {part.strip()!r} is not like "2.5 mg" or "50 mg/mL"')
                strengths.append(
                    Strength(
                        ingredient=name,
                        amount=amount.value,
                        unit=amount.unit,
                        per=amount.per,
                        piece_volume=amount.piece_volume,
                        where=f"{path.name}, line {line}",
                    )
                )
        route = routes.of_route(form)
        if form and route == "unknown":
            raise wrong(line, f"unknown form {form!r}")
        products[system, code] = Product(
            ingredients=frozenset(names),
            level="product" if strengths else "ingredient",
            strengths=tuple(strengths),
            route=route,
            label=" ".join(part for part in (ingredient, strength, form) if part),
        )
    return products
