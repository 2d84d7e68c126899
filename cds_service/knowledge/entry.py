"""A rule as people read it: what of its row is no longer in the rule that was made of it."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from ..clinical.rule import Rule
from .shape import Table, numbers


class Figure(msgspec.Struct, frozen=True):
    """A figure of a row: where it stands ("tiers.0.above"), and whether it is our own, which a site may change."""

    path: str
    value: Decimal
    ours: bool


class Reference(msgspec.Struct, frozen=True):
    """A source as a row cites it: its id in sources.toml, and the place in it."""

    id: str
    at: str = ""


class Review(msgspec.Struct, frozen=True):
    """Who answers for a rule clinically, since when, and when it is to be looked at again."""

    by: str
    on: str
    next: str


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A rule with the file that its row stands in, its kind by name, and its figures.

    `lists` are the names that its kind is given, by key. `off` is true where it is not asked; `changes` say in words
    what the site's file makes otherwise.
    """

    rule: Rule
    file: str
    kind: str
    figures: tuple[Figure, ...]
    lists: tuple[tuple[str, tuple[str, ...]], ...]
    sources: tuple[Reference, ...]
    ours: tuple[str, ...] = ()
    review: Review | None = None
    off: bool = False
    changes: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The rule's id."""
        return self.rule.row.id


NO_LISTS = frozenset(
    ("tiers", "hooks", "why", "source", "silences", "joins", "may_raise", "ours", "override", "remedies", "unless")
)


def read_entry(table: Table, rule: Rule, file: str, changes: tuple[str, ...] = ()) -> Entry:
    """The entry of a row that was read into a rule already."""
    ours = msgspec.convert(table.get("ours", ()), tuple[str, ...])
    lists = [
        (key, tuple(value))
        for key, value in table.items()
        if key not in NO_LISTS and isinstance(value, list) and all(isinstance(item, str) for item in value)
    ]
    return Entry(
        rule=rule,
        file=file,
        kind=str(table["kind"]),
        figures=tuple(Figure(path, value, is_ours(path, ours)) for path, value in numbers(table)),
        lists=tuple(lists),
        sources=msgspec.convert(table["source"], tuple[Reference, ...]),
        ours=ours,
        review=msgspec.convert(table["reviewed"], Review) if "reviewed" in table else None,
        off=bool(table.get("off", False)),
        changes=changes,
    )


def is_ours(path: str, ours: tuple[str, ...]) -> bool:
    """Whether a figure is one of those that neither the table nor a source gives; a key stands for all below it."""
    return any(path == key or path.startswith(f"{key}.") for key in ours)
