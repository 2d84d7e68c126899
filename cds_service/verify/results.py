"""What was found: one result for each check, gathered from however many requests it took."""

from __future__ import annotations

import datetime as dt
from typing import Literal

import msgspec

from .catalogue import CHECK_OF, CHECKS, Check

Outcome = Literal["pass", "fail", "not tried"]
_NOTES = 3


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What one check came to; the note says where it fails or why it was not tried."""

    check: Check
    outcome: Outcome
    note: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All results, in the order of the catalogue."""

    address: str
    at: dt.datetime
    requests: int
    results: tuple[Result, ...]

    def failed(self, level: str) -> tuple[Result, ...]:
        """The results of this level that fail."""
        return tuple(result for result in self.results if result.outcome == "fail" and result.check.level == level)


class Ledger:
    """Collects findings while requests are made. A failure outweighs what passed, and that what was not tried."""

    def __init__(self) -> None:
        self._passed: set[str] = set()
        self._faults: dict[str, list[str]] = {}
        self._untried: dict[str, str] = {}

    def passed(self, check: str) -> None:
        """The check held once."""
        self._passed.add(CHECK_OF[check].id)

    def failed(self, check: str, note: str) -> None:
        """The check did not hold; the note says where."""
        notes = self._faults.setdefault(CHECK_OF[check].id, [])
        if note not in notes:
            notes.append(note)

    def untried(self, check: str, why: str) -> None:
        """The check could not be made here; the first reason stays."""
        self._untried.setdefault(CHECK_OF[check].id, why)

    def judge(self, check: str, holds: bool, note: str) -> bool:
        """Passed or failed, with the note where it failed."""
        if holds:
            self.passed(check)
        else:
            self.failed(check, note)
        return holds

    def results(self) -> tuple[Result, ...]:
        """One result for each check of the catalogue."""
        return tuple(map(self._result, CHECKS))

    def _result(self, check: Check) -> Result:
        if notes := self._faults.get(check.id):
            more = f"; and {len(notes) - _NOTES} more" if len(notes) > _NOTES else ""
            return Result(check=check, outcome="fail", note="; ".join(notes[:_NOTES]) + more)
        if check.id in self._passed:
            return Result(check=check, outcome="pass")
        return Result(
            check=check, outcome="not tried", note=self._untried.get(check.id, "nothing came that it could look at")
        )
