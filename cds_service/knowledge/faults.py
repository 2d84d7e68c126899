"""What is wrong with a knowledge file: which file, which row, which key, and why."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BadKnowledge(Exception):
    """Knowledge that cannot be used. The service does not start with it.

    `file` is the file's name, `row` the rule's id ("" for the file itself), `key` the place in it.
    """

    def __init__(self, file: str, row: str, key: str, reason: str) -> None:
        self.file, self.row, self.key, self.reason = file, row, key, reason
        place = ": ".join(part for part in (file, row, key) if part)
        super().__init__(f"{place}: {reason}")


def unknown_name(what: str, name: str, known: Iterable[str]) -> str:
    """A sentence for a name that is not known, with the nearest one that is."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"unknown {what} '{name}'" + (f"; did you mean '{near[0]}'?" if near else "")
