"""Routes of administration: coded in SNOMED CT, EDQM, HL7 v3 and the Dutch table, or in words of four languages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, get_args

from ...clinical.therapy import RouteClass
from .files import rows
from .words import Phrases, words_of

_INJECTED: Final[frozenset[RouteClass]] = frozenset({"parenteral", "intravenous", "subcutaneous", "intramuscular"})


_CLASSES: Final[dict[str, RouteClass]] = {name: name for name in get_args(RouteClass)}


def route_class(word: str) -> RouteClass:
    """The route class that a data file names; empty is "unknown". Raises ValueError for a word that is none."""
    try:
        return _CLASSES[word or "unknown"]
    except KeyError:
        raise ValueError(f"{word!r} is not a route class") from None


def agreed(routes: Iterable[RouteClass], *, narrow: bool = False) -> RouteClass:
    """The one route that several statements leave; several ways of injecting give "parenteral", others "unknown".

    With `narrow`, "parenteral" beside one way of injecting is that way: a dose form says less than a route.
    """
    found = set(routes) - {"unknown"}
    if narrow and len(found) == 2 and "parenteral" in found:
        found.discard("parenteral")
    if len(found) == 1:
        return found.pop()
    return "parenteral" if found and found <= _INJECTED else "unknown"


class RouteWords:
    """Words for routes and dose forms."""

    def __init__(self) -> None:
        """Loads the words."""
        table = [(route_class(route), kind, words) for route, kind, _, words in rows("route_words.csv")]
        self._any = Phrases((words, route, False) for route, kind, words in table if kind != "form")
        # "im", "or" and "skin" are routes where a route is written, and anything in the name of a medicine.
        self._routes = Phrases((words, route, False) for route, kind, words in table if kind == "route")
        self._forms = Phrases((words, route, False) for route, kind, words in table if kind == "form")

    def of_route(self, text: str) -> RouteClass:
        """The route that the text of `Dosage.route` means; a dose form counts where no route is named."""
        words = words_of(text)
        found = agreed(self._any.find(words))
        return found if found != "unknown" else agreed(self._forms.find(words))

    def of_product(self, words: tuple[str, ...], brands: Iterable[RouteClass]) -> RouteClass:
        """The route that the words of a medicine's name imply: named routes first, then the brand, then the form."""
        for routes in (self._routes.find(words), brands, self._forms.find(words)):
            found = set(routes)
            if found:
                return agreed(found)
        return "unknown"
