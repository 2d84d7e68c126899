"""A therapy: one medication given over an interval, from an order, a statement, an administration or a draft.

Whether a patient is *on* a drug is answered here (CLINICAL 0.3): active, recent, ever, stale, replaced.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Generic, Literal, TypeVar, overload

import msgspec

from .dose import Regimen, Word

TherapySource = Literal["request", "statement", "administration", "draft"]
Status = Literal["active", "on-hold", "ended", "unknown", "draft"]
RouteClass = Literal[
    "oral", "intravenous", "subcutaneous", "intramuscular", "parenteral", "intrathecal", "local", "unknown"
]
"""How a drug enters the body, as far as rules ask: "local" is every route whose effect rules do not count (topical,
eye, ear, nose, inhaled, rectal, vaginal, joint, lesion, bladder); "parenteral" an injection whose route is not said."""
Confidence = Literal["code", "text"]

_T = TypeVar("_T")


class Deferred(Generic[_T]):
    """A value that is read when it is first asked for, and once."""

    __slots__ = ("_read", "_value")

    def __init__(self, read: Callable[[], _T]) -> None:
        self._read: Callable[[], _T] | None = read

    def __call__(self) -> _T:
        """The value."""
        if self._read is not None:
            self._value = self._read()
            self._read = None
        return self._value


class Later(Sequence[_T]):
    """A list that is read when it is first looked into, and once; it equals the tuple that it stands for."""

    __slots__ = ("_items",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, read: Callable[[], Iterable[_T]]) -> None:
        self._items = Deferred(lambda: tuple(read()))

    @overload
    def __getitem__(self, index: int) -> _T: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[_T, ...]: ...
    def __getitem__(self, index: int | slice) -> _T | tuple[_T, ...]:
        return self._items()[index]

    def __iter__(self) -> Iterator[_T]:
        return iter(self._items())

    def __len__(self) -> int:
        return len(self._items())

    def __eq__(self, other: object) -> bool:
        return self._items() == (other._items() if isinstance(other, Later) else other)


class Regimens:
    """The dosage of one therapy, read when it is first asked for: amounts are of one ingredient of a combination."""

    __slots__ = ("_known", "_only", "_read")

    def __init__(self, read: Callable[[str], Regimen], only: str = "") -> None:
        """`only` is the ingredient of a product that has one."""
        self._read = read
        self._only = only
        self._known: dict[str, Regimen] = {}

    def __call__(self, ingredient: str = "") -> Regimen:
        """The regimen with the amounts of this ingredient; "" asks for a product's only one, or for its timing."""
        ingredient = ingredient or self._only
        known = self._known.get(ingredient)
        if known is None:
            known = self._known[ingredient] = self._read(ingredient)
        return known


class Therapy(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One medication over an interval, as one resource states it.

    `ingredients` are the ids of what it certainly contains (a combination product has several); `label` is how the
    record names it, to be escaped wherever it is shown. `start` is the first day known (CLINICAL B.3), certain unless
    only the day of ordering is known; None for a draft that names no date. `end` is the last day as the resource states
    it outside its dosage; the dosage itself is read by `regimen()`, and `may_end` is false where nothing in it could
    bound it. `ended_by` bounds an end that is not stated: it was at the latest on that day (the record of an ended
    order was last changed then). `reasons` are the concepts that the
    order is for, `reason_text` their words. `notes` are words that a draft's notes say; those of its dosage text are its
    regimen's.
    `replaces` and `carries_out` are the references of the order that this one follows, or that it administers.
    `stopped_for` are the coded reasons of its end. `community` is whether it is for outpatients, None where not said.
    """

    reference: str
    source: TherapySource
    status: Status
    ingredients: frozenset[str]
    label: str
    confidence: Confidence = "code"
    route: RouteClass = "unknown"
    start: dt.date | None = None
    start_certain: bool = False
    end: dt.date | None = None
    may_end: bool = True
    ended_by: dt.date | None = None
    replaces: str = ""
    carries_out: str = ""
    reasons: frozenset[str] = frozenset()
    reason_text: str = ""
    notes: frozenset[Word] = frozenset()
    stopped_for: frozenset[str] = frozenset()
    community: bool | None = None
    regimen: Regimens

    @property
    def systemic(self) -> bool:
        """Whether rules count it: by every route but the local and the intrathecal ones (CLINICAL 0.3)."""
        return self.route not in ("local", "intrathecal")


class Therapies(Mapping[str, tuple[Therapy, ...]]):
    """Therapies by ingredient, those of an ingredient read when it is first looked for; there is none that is empty."""

    __slots__ = ("_found", "_read")

    def __init__(self, found: Mapping[str, Sequence[Deferred[Therapy]]]) -> None:
        self._found = found
        self._read: dict[str, tuple[Therapy, ...]] = {}

    def __getitem__(self, ingredient: str) -> tuple[Therapy, ...]:
        read = self._read.get(ingredient)
        if read is None:
            read = self._read[ingredient] = tuple([therapy() for therapy in self._found[ingredient]])
        return read

    def get(self, ingredient: str, default: tuple[Therapy, ...] = ()) -> tuple[Therapy, ...]:  # type: ignore[override]
        """As ever, and quick where there is nothing, which is asked most."""
        return self[ingredient] if ingredient in self._found else default

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)
