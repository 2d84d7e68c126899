"""Mutants of the knowledge: a figure moved by its smallest step, a list shortened by one, an `unless` dropped.

A mutant that no case of its own rule notices is a limit that nobody watches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cached_property
from pathlib import Path

import msgspec

from ..clinical.dose import plain
from ..clinical.drugs import SYSTEMIC
from ..clinical.glucocorticoids import Glucocorticoids
from ..clinical.judge import Rulebook
from ..clinical.rule import Rule
from .cases import Case, run
from .faults import BadKnowledge
from .loader import Catalogue, by_concern, read_rule, rule_files
from .shape import BOOKKEEPING, Table, numbers, read_toml, refuse_shape, replaced, schema_of

WORDS = frozenset(("why", "source", "override", "ours", "critical_class"))
"""Keys of a row that say something and decide nothing: what a case cannot notice."""
ENOUGH = Decimal("0.95")
"""So many of all mutants are to be caught."""
DRUGS, EQUIVALENTS = "drugs.toml", "glucocorticoids.toml"


class Mutant(msgspec.Struct, frozen=True, kw_only=True):
    """One change: the rule that it is made in, or the file that rules refer to, where it is and what it is in words, and
    the rules that come of it."""

    place: str
    path: str
    change: str
    becomes: tuple[Rule, ...]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the cases of the rules that a mutant changes caught it."""

    mutant: Mutant
    caught: bool


class Mutation:
    """Makes mutants of the rows of a folder, and of the drugs and equivalents that rows refer to."""

    def __init__(self, catalogue: Catalogue, folder: Path) -> None:
        self._catalogue = catalogue
        self._folder = folder
        self._schema = schema_of(folder, "rules.schema.json")
        self._rows = [
            (path.relative_to(folder).as_posix(), row)
            for path in rule_files(folder)
            for row in msgspec.convert(read_toml(path, folder).get("rule", []), list[dict[str, object]])
        ]

    def mutants(self, only: Iterable[str] = ()) -> Iterator[Mutant]:
        """Every mutant, or those of the places in `only`: ids of rules, `DRUGS`, `EQUIVALENTS`. Changes that make no rule
        are left out."""
        wanted = frozenset(only)
        for file, row in self._rows:
            if not wanted or row["id"] in wanted:
                yield from self._of_row(row, file)
        if not wanted or DRUGS in wanted:
            yield from self._of_drugs()
        if not wanted or EQUIVALENTS in wanted:
            yield from self._of_equivalents()

    def _of_row(self, row: Table, file: str) -> Iterator[Mutant]:
        shipped = read_rule(dict(row), self._catalogue, file)
        for path, change, changed in changes(row):
            try:
                refuse_shape(self._schema, {"rule": [changed]}, file)
                becomes = read_rule(changed, self._catalogue, file)
            except BadKnowledge:
                continue
            if becomes != shipped:
                yield Mutant(place=shipped.row.id, path=path, change=change, becomes=(becomes,))

    def _of_drugs(self) -> Iterator[Mutant]:
        """Each named drug without one of its ingredients or routes."""
        for name, drug in self._catalogue.drugs.items():
            lists = {"ingredients": drug.ingredients, "unspecified": drug.unspecified, "routes": drug.routes}
            for key, items in lists.items():
                for item in sorted(items):
                    less = msgspec.structs.replace(drug, **{key: items - {item}})
                    changed = msgspec.structs.replace(self._catalogue, drugs={**self._catalogue.drugs, name: less})
                    naming = [(file, row) for file, row in self._rows if _speaks(row, name)]
                    becomes = self._changed(changed, naming)
                    if (key != "routes" or drug.routes != SYSTEMIC) and becomes:
                        yield Mutant(place=DRUGS, path=f"{name}.{key}", change=f"without {item}", becomes=becomes)

    def _of_equivalents(self) -> Iterator[Mutant]:
        """What each glucocorticoid is worth, and each figure of a pulse, moved."""
        steroids = self._catalogue.glucocorticoids
        table = msgspec.to_builtins(steroids, builtin_types=(Decimal,))
        for path, change, moved in moves(msgspec.convert(table, dict[str, object])):
            other = msgspec.convert(moved, Glucocorticoids)
            becomes = self._changed(msgspec.structs.replace(self._catalogue, glucocorticoids=other), self._rows)
            if becomes:
                yield Mutant(place=EQUIVALENTS, path=path, change=change, becomes=becomes)

    def _changed(self, catalogue: Catalogue, rows: Sequence[tuple[str, Table]]) -> tuple[Rule, ...]:
        """The rules that are others with this catalogue; none where it makes one that is no rule."""
        try:
            read = [(read_rule(dict(row), catalogue, file), self._shipped[str(row["id"])]) for file, row in rows]
        except BadKnowledge:
            return ()
        return tuple(rule for rule, shipped in read if rule != shipped)

    @cached_property
    def _shipped(self) -> dict[str, Rule]:
        return {str(row["id"]): read_rule(dict(row), self._catalogue, file) for file, row in self._rows}


def _speaks(value: object, name: str) -> bool:
    """Whether a name stands anywhere in a row."""
    if isinstance(value, Mapping):
        return any(_speaks(item, name) for item in value.values())
    return any(_speaks(item, name) for item in value) if isinstance(value, list) else value == name


def changes(row: Table) -> Iterator[tuple[str, str, dict[str, object]]]:
    """Every change of a row: where, what in words, and the row after it."""
    yield from moves(row)
    for path, items in lists(row):
        last = path.split(".")[-1]
        for at, item in enumerate(items):
            left = [other for number, other in enumerate(items) if number != at]
            if left:
                yield path, f"without {_named(item, at)}", _with(row, path, left)
            elif last != "drugs":
                yield path, f"without {_named(item, at)}", _without(row, path.split("."))
        if last == "unless" and len(items) > 1:
            yield path, "dropped", _without(row, path.split("."))


def moves(row: Table) -> Iterator[tuple[str, str, dict[str, object]]]:
    """Each figure moved by its smallest step, down and up; none falls below nothing."""
    for path, value in numbers(row):
        for moved in (value - step(value), value + step(value)):
            if moved >= 0:
                yield path, f"{plain(value)} -> {plain(moved)}", _with(row, path, _number(moved))


def step(value: Decimal) -> Decimal:
    """The smallest step of a figure: one in the last place that it is written with."""
    exponent = value.normalize().as_tuple().exponent
    return Decimal(1).scaleb(min(0, exponent if isinstance(exponent, int) else 0))


def lists(row: Table) -> Iterator[tuple[str, Sequence[object]]]:
    """Every list of a row that decides something, with its path."""
    for key, value in row.items():
        if key not in WORDS and key not in BOOKKEEPING:
            yield from _lists(value, key)


def _lists(value: object, path: str) -> Iterator[tuple[str, Sequence[object]]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _lists(item, f"{path}.{key}")
    elif isinstance(value, list):
        # A list of figures is moved figure by figure: it has no item too many.
        if not all(isinstance(item, int | Decimal) for item in value):
            yield path, value
        for number, item in enumerate(value):
            yield from _lists(item, f"{path}.{number}")


def _number(value: Decimal) -> int | Decimal:
    return int(value) if value == value.to_integral_value() else value


def _named(item: object, at: int) -> str:
    return item if isinstance(item, str) else f"item {at + 1}"


def _with(row: Table, path: str, value: object) -> dict[str, object]:
    return msgspec.convert(replaced(row, path.split("."), value), dict[str, object])


def _without(row: Table, path: Sequence[str]) -> dict[str, object]:
    """The row without what stands at a path."""
    *parents, key = path
    holder: object = row
    for part in parents:
        holder = holder[int(part)] if isinstance(holder, list) else msgspec.convert(holder, dict[str, object])[part]
    left = {name: item for name, item in msgspec.convert(holder, dict[str, object]).items() if name != key}
    return msgspec.convert(replaced(row, parents, left) if parents else left, dict[str, object])


def judged(found: Iterable[Mutant], book: Rulebook, cases: Iterable[Case]) -> Iterator[Outcome]:
    """Each mutant held against the cases of the rules that it changes; it is caught where one of them fails."""
    of_rule: dict[str, list[Case]] = {}
    for case in cases:
        of_rule.setdefault(case.rule, []).append(case)
    for mutant in found:
        changed = book
        for rule in mutant.becomes:
            changed = changed.asking(rule.row.id)
        changed = _swapped(changed, mutant.becomes)
        owed = (case for rule in mutant.becomes for case in of_rule.get(rule.row.id, ()))
        yield Outcome(mutant=mutant, caught=any(_fails(case, changed) for case in owed))


def _fails(case: Case, book: Rulebook) -> bool:
    try:
        return bool(run(case, book))
    except (ArithmeticError, LookupError, ValueError):
        return True  # A mutant that breaks its rule does not stay unnoticed.


def _swapped(book: Rulebook, others: Iterable[Rule]) -> Rulebook:
    by_id = {rule.row.id: rule for rule in others}
    rules = tuple(by_id.get(rule.row.id, rule) for rule in book.rules)
    return msgspec.structs.replace(book, rules=rules, by_concern=by_concern(rules))
