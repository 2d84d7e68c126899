"""A drug as rules speak of it: the ingredients that count, and the routes by which they count."""

from __future__ import annotations

import msgspec

from .therapy import RouteClass, Therapy

SYSTEMIC: frozenset[RouteClass] = frozenset(
    ("oral", "intravenous", "subcutaneous", "intramuscular", "parenteral", "unknown")
)
"""Every route but the local and the intrathecal ones (CLINICAL 0.3); a route that is not stated counts."""


class Drug(msgspec.Struct, frozen=True, kw_only=True):
    """One drug, or several that a rule treats alike.

    `names` gives the name to print for an ingredient, or for a set of ingredients in one product. `unspecified` are
    ingredients of the record's that may or may not be this drug ("mycophenolate" without product). `alike` are sets of
    ingredients that count as one drug where drugs are counted.
    """

    ingredients: frozenset[str]
    names: tuple[tuple[frozenset[str], str], ...]
    routes: frozenset[RouteClass] = SYSTEMIC
    unspecified: frozenset[str] = frozenset()
    alike: tuple[frozenset[str], ...] = ()

    def covers(self, therapy: Therapy) -> bool:
        """Whether a therapy certainly contains the drug, by a route that counts."""
        return therapy.route in self.routes and not self.ingredients.isdisjoint(therapy.ingredients)

    def may_cover(self, therapy: Therapy) -> bool:
        """Whether a therapy may be the drug, its product not being stated."""
        return therapy.route in self.routes and not self.unspecified.isdisjoint(therapy.ingredients)

    def name_in(self, therapy: Therapy) -> str:
        """How to print the drug for a therapy that contains it: the most specific name that fits."""
        fitting = [(len(parts), name) for parts, name in self.names if parts <= therapy.ingredients]
        return max(fitting)[1] if fitting else "drug"

    def counted_as(self, ingredient: str) -> str:
        """By which name an ingredient counts where drugs are counted."""
        for group in self.alike:
            if ingredient in group:
                return min(group)
        return ingredient

    @property
    def concerns(self) -> frozenset[str]:
        """Every ingredient of a record that may be the drug."""
        return self.ingredients | self.unspecified

    @property
    def longest_name(self) -> str:
        """The longest name that `name_in` can answer; wording is measured with it."""
        return max((name for _, name in self.names), key=len, default="drug")
