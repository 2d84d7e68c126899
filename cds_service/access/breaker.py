"""Whether a FHIR server is asked at all: one that failed several requests in a row is left alone for a while.

Whole requests are counted, not reads: one patient's overlong list says nothing about a server that answered the others.
The clock is a monotonic one, so that no change of the machine's time keeps a server shut.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

State = Literal["closed", "open", "half-open"]

FAILURES = 5
"""So many requests in a row without a single answer open it."""
REST_S = 10.0
"""So many seconds it then stays open."""
LONGEST_REST_S = 300.0
"""So many seconds at most, whatever wait a server names."""


class Resting(Exception):
    """The server failed lately and is not asked."""


class Tally:
    """What the reads of one request learnt about the server; filled in by several threads."""

    def __init__(self) -> None:
        self.answered = False
        self.failed = False
        self.rest_s = 0.0


class Breaker:
    """The breaker of one server, in one process.

    *Closed* it lets everybody through; after `failures` requests in a row that got no answer it is *open* and lets
    nobody through for `rest_s` seconds; then, *half-open*, one request tries, and its outcome closes or opens it.
    """

    def __init__(
        self, *, failures: int = FAILURES, rest_s: float = REST_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._failures = failures
        self._rest_s = rest_s
        self._clock = clock
        self._lock = threading.Lock()
        self._count = 0
        self._until: float | None = None
        self._trying = False

    def state(self) -> State:
        """Its state at this instant."""
        with self._lock:
            if self._until is None:
                return "closed"
            return "open" if self._clock() < self._until else "half-open"

    @contextmanager
    def request(self) -> Iterator[Tally]:
        """One request to the server; what its tally holds at the end is its outcome. Raises Resting."""
        trying = self._enter()
        tally = Tally()
        try:
            yield tally
        finally:
            self._leave(tally, trying)

    def _enter(self) -> bool:
        with self._lock:
            if self._until is None:
                return False
            if self._trying or self._clock() < self._until:
                raise Resting
            self._trying = True
            return True

    def _leave(self, tally: Tally, trying: bool) -> None:
        with self._lock:
            self._trying = self._trying and not trying
            if tally.rest_s > 0:
                self._open(min(tally.rest_s, LONGEST_REST_S))
            elif tally.answered:
                self._count = 0
                self._until = None if trying or self._until is None else self._until
            elif tally.failed:
                self._count += 1
                if trying or self._count >= self._failures:
                    self._open(self._rest_s)

    def _open(self, seconds: float) -> None:
        self._count = 0
        self._until = self._clock() + seconds
