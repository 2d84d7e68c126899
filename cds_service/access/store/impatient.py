"""A connection to PostgreSQL that gives up a server which stands still: the limits of a query are its own to keep.

The machine of such a server goes on acknowledging what it is sent, so TCP notices nothing either.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.rows import TupleRow
from psycopg.waiting import Ready, Wait

_T = TypeVar("_T")


class Impatient(psycopg.Connection[TupleRow]):
    """No answer is waited for longer than `patience_s` seconds; then the connection is closed. Raises OperationalError."""

    patience_s: float = 6.0

    def wait(self, gen: PQGen[_T], *args: Any, **kwargs: Any) -> _T:
        """As ever, but not for ever."""
        return super().wait(self._bounded(gen, time.monotonic() + self.patience_s), *args, **kwargs)

    def _bounded(self, gen: PQGen[_T], end: float) -> Generator[Wait, Ready | int, _T]:
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                wanted = gen.send(ready)
                if time.monotonic() >= end:
                    self.close()
                    raise psycopg.OperationalError("the server says nothing")
        except StopIteration as finished:
            value: _T = finished.value
            return value
