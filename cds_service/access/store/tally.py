"""Counts of cards that were shown, added up in memory and written now and then: nothing is written while an EHR waits."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Mapping

import structlog

from .errors import StoreError
from .values import Shown

EVERY_S = 60.0
"""Seconds between two writings; so much is lost at most when a process is killed."""
MAX_KINDS = 20_000
"""So many different counts are held while the store cannot be used; those that come later are lost."""

_log = structlog.get_logger("cds_service.access.store")


class Tally:
    """What one process has shown since it was last written. Threads may share it; after a fork each process has its own.

    A thread in the background writes; `flush` writes at once, for the end of a process.
    """

    def __init__(self, write: Callable[[Mapping[Shown, int]], None], *, every_s: float = EVERY_S) -> None:
        self._write = write
        self._every_s = every_s
        self._counts: Counter[Shown] = Counter()
        self._counting = threading.Lock()
        self._writing = threading.Lock()
        self._process = 0

    def add(self, shown: Shown) -> None:
        """One card more."""
        with self._counting:
            if shown in self._counts or len(self._counts) < MAX_KINDS:
                self._counts[shown] += 1
            # Threads do not survive a fork: each process starts its own with its first card.
            starts = self._process != os.getpid()
            self._process = os.getpid()
        if starts:
            threading.Thread(target=self._write_now_and_then, name="cds-tally", daemon=True).start()

    def flush(self) -> None:
        """Writes what was added up; what cannot be written is kept for the next time."""
        with self._writing:
            with self._counting:
                counts, self._counts = self._counts, Counter()
            if not counts:
                return
            try:
                self._write(counts)
            except StoreError as error:
                _log.warning("shown cards are not counted yet", problem=error.problem)
                with self._counting:
                    self._counts.update(counts)

    def _write_now_and_then(self) -> None:
        pause = threading.Event()
        while not pause.wait(self._every_s):
            self.flush()
