"""The report on feedback: of the cards of each rule, how many were shown, accepted, overridden and why, or ignored."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import msgspec

from ..access.store import Outcomes, Problem, Reason, Shown, Store, StoreError
from ..hooks.cards import OVERRIDE_SYSTEM
from ..knowledge.entry import Entry
from .by import By
from .faults import Fault

UNKNOWN = "unknown"
"""Stands for the rule of cards whose ids are not ours, or were made with another key."""

_Key: TypeAlias = tuple[str, ...]
_SAID: dict[Problem, str] = {
    "busy": "is busy",
    "full": "is full",
    "read-only": "may not be read as it is",
    "missing": "is not there",
    "corrupt": "is corrupt",
    "schema": "holds no feedback of this program",
    "forbidden": "may not be read",
    "unreachable": "cannot be reached",
}


class StoreFault(Fault):
    """The store could not be read."""


class GivenReason(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A reason for overriding and how many cards it stands for; without code and words, that none was given."""

    system: str = ""
    code: str = ""
    display: str = ""
    cards: int

    @property
    def label(self) -> str:
        """In words."""
        return self.display or self.code or "no reason given"


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The cards of one rule, and of one severity, hook and so on where they are told apart by them (`by`).

    `ignored` are those shown of which nothing was heard. Of unknown cards nobody knows how many were shown: None.
    """

    rule: str
    by: tuple[str, ...] = ()
    shown: int | None = None
    accepted: int
    overridden: int
    ignored: int | None = None
    reasons: tuple[GivenReason, ...] = ()


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """The cards shown on one day, of all rules that are known."""

    day: dt.date
    shown: int
    accepted: int
    overridden: int


class Report(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All lines, in the order of the rules, unknown cards last; and the same by day."""

    since: dt.date | None = None
    until: dt.date | None = None
    by: tuple[By, ...] = ()
    lines: tuple[Line, ...]
    days: tuple[Day, ...]


class Names(msgspec.Struct, frozen=True):
    """How rules and reasons are called, by the number and the code that the store holds."""

    rules: Mapping[int, str]
    reasons: Mapping[str, str]

    def rule(self, number: int | None) -> str:
        """The id of a rule; of one that this knowledge does not hold, its number."""
        if number is None:
            return UNKNOWN
        return self.rules.get(number, f"number {number}")

    def reason(self, reason: Reason, cards: int) -> GivenReason:
        """The reason with the words of our own list, where it comes from there."""
        ours = self.reasons.get(reason.code, "") if reason.system == OVERRIDE_SYSTEM else ""
        return GivenReason(system=reason.system, code=reason.code, display=ours or reason.display, cards=cards)


def names_of(entries: Iterable[Entry]) -> Names:
    """The names in the knowledge."""
    rules: dict[int, str] = {}
    reasons: dict[str, str] = {}
    for entry in entries:
        rules[entry.rule.row.number] = entry.id
        reasons.update({reason.code: reason.display for reason in entry.rule.row.override_reasons})
    return Names(rules, reasons)


def make_report(
    store: Store,
    names: Names,
    since: dt.date | None = None,
    until: dt.date | None = None,
    by: Sequence[By] = (),
) -> Report:
    """What the store holds of the days from `since` to `until`, both included. Raises StoreFault."""
    try:
        shown = store.shown(since, until)
        ended = store.outcomes(since, until)
        reasons = store.reasons(since, until)
    except StoreError as error:
        raise StoreFault(f"the feedback store {store.address} {_SAID[error.problem]}") from None
    return Report(
        since=since,
        until=until,
        by=tuple(by),
        lines=tuple(_lines(names, by, shown, ended, reasons)),
        days=tuple(_days(shown, ended)),
    )


def _lines(
    names: Names,
    by: Sequence[By],
    shown: Mapping[Shown, int],
    ended: Iterable[Outcomes],
    reasons: Iterable[Outcomes],
) -> list[Line]:
    seen: Counter[_Key] = Counter()
    accepted: Counter[_Key] = Counter()
    overridden: Counter[_Key] = Counter()
    why: dict[_Key, Counter[GivenReason]] = {}
    for cards, count in shown.items():
        seen[_key(names, by, cards)] += count
    for ending in ended:
        (accepted if ending.outcome == "accepted" else overridden)[_key(names, by, ending)] += ending.count
    for ending in reasons:
        reason = names.reason(ending.reason or Reason(), 0)
        why.setdefault(_key(names, by, ending), Counter())[reason] += ending.count
    keys = sorted({*seen, *accepted, *overridden}, key=lambda key: (key[0] == UNKNOWN, key))
    return [
        Line(
            rule=key[0],
            by=key[1:],
            shown=None if key[0] == UNKNOWN else seen[key],
            accepted=accepted[key],
            overridden=overridden[key],
            ignored=None if key[0] == UNKNOWN else _ignored(seen[key], accepted[key], overridden[key]),
            reasons=tuple(
                msgspec.structs.replace(reason, cards=count)
                for reason, count in sorted(why.get(key, {}).items(), key=lambda item: (-item[1], item[0].label))
            ),
        )
        for key in keys
    ]


def _ignored(shown: int, accepted: int, overridden: int) -> int:
    """Never below none: the counts of a process that was killed are lost, its feedback is not."""
    return max(0, shown - accepted - overridden)


def _key(names: Names, by: Sequence[By], cards: Shown | Outcomes) -> _Key:
    parts = {
        "severity": cards.severity or "",
        "hook": cards.hook or "",
        "service": cards.service,
        "version": cards.knowledge or "",
        "day": cards.day.isoformat(),
    }
    return (names.rule(cards.rule), *(parts[name] for name in by))


def _days(shown: Mapping[Shown, int], ended: Iterable[Outcomes]) -> list[Day]:
    seen: Counter[dt.date] = Counter()
    of_outcome: dict[str, Counter[dt.date]] = {"accepted": Counter(), "overridden": Counter()}
    for cards, count in shown.items():
        seen[cards.day] += count
    for ending in ended:
        if ending.rule is not None:
            of_outcome[ending.outcome][ending.day] += ending.count
    accepted, overridden = of_outcome["accepted"], of_outcome["overridden"]
    return [
        Day(day=day, shown=seen[day], accepted=accepted[day], overridden=overridden[day])
        for day in sorted({*seen, *accepted, *overridden})
    ]
