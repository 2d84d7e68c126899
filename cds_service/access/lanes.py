"""Each FHIR server's own threads, places and breaker: what one server holds up, no other has to wait for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from .breaker import Breaker, Tally


class Crowded(Exception):
    """As many requests as may read this server at once are reading it."""


class Lane:
    """What one server may hold: so many threads, and so many requests at once."""

    def __init__(self, *, threads: int, places: int, breaker: Breaker) -> None:
        self.pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="fhir")
        self.breaker = breaker
        self.visitors = 0
        self._places = threading.BoundedSemaphore(places)

    @contextmanager
    def visit(self) -> Iterator[Tally]:
        """One request to the server. Raises Crowded at once where there is no place, Resting where it is not asked."""
        if not self._places.acquire(blocking=False):
            raise Crowded
        try:
            with self.breaker.request() as tally:
                yield tally
        finally:
            self._places.release()


class Lanes:
    """The lanes by the server's origin: at most `limit`; one that nobody uses gives way to a new one."""

    def __init__(self, *, threads: int, places: int, breaker: Callable[[], Breaker] = Breaker, limit: int = 16) -> None:
        self._threads = threads
        self._places = places
        self._breaker = breaker
        self._limit = limit
        self._lock = threading.Lock()
        self._lanes: dict[tuple[str, str, int], Lane] = {}

    @contextmanager
    def visit(self, origin: tuple[str, str, int]) -> Iterator[tuple[Lane, Tally]]:
        """One request to the server of this origin. Raises Crowded or Resting."""
        lane = self._enter(origin)
        try:
            with lane.visit() as tally:
                yield lane, tally
        finally:
            with self._lock:
                lane.visitors -= 1

    def close(self) -> None:
        """Ends the threads when their reads have ended."""
        with self._lock:
            lanes = tuple(self._lanes.values())
        for lane in lanes:
            lane.pool.shutdown(wait=False, cancel_futures=True)

    def _enter(self, origin: tuple[str, str, int]) -> Lane:
        with self._lock:
            # Taken out and put in again: the order is that of the last use.
            lane = self._lanes.pop(origin, None) or self._new_lane()
            self._lanes[origin] = lane
            lane.visitors += 1
            return lane

    def _new_lane(self) -> Lane:
        if len(self._lanes) >= self._limit:
            idle = next((origin for origin, lane in self._lanes.items() if not lane.visitors), None)
            if idle is None:
                raise Crowded
            self._lanes.pop(idle).pool.shutdown(wait=False)
        return Lane(threads=self._threads, places=self._places, breaker=self._breaker())
