"""What prefetch left out, read from the EHR's FHIR server: in parallel, by one deadline, whole or said not to be.

A page that fails makes its key incomplete: no fault of a server ever reads as "nothing there". Where a server may be
read at all is decided before (`address.Servers`); from there a token goes to no other place.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import msgspec

from ..mapping.bundle import NONE, Listing, Page, join_pages, read_page
from ..mapping.reads import READ_OF, quote_id
from .address import BadAddress, NotAllowedServer, next_page, origin_of
from .breaker import Breaker, Resting, Tally
from .lanes import Lanes
from .networks import Networks
from .transport import TOO_LATE, Allowance, Transport, Unanswered

T = TypeVar("T")

_UNFINISHED = frozenset({"absent", "failed", "partial"})
_GONE = frozenset({404, 410})
_EXPIRED = frozenset({400, 404, 410})  # how servers answer a page link that they no longer know
_REFUSED = frozenset({400, 404, 405, 414, 501})  # how they answer a search that they do not support
_LATE = Listing(state="failed", reason=TOO_LATE)
RESTING = Listing(state="failed", reason="the FHIR server failed several requests and is left alone for a while")
_BATCH = 50
_BATCH_LENGTH = 1800  # characters: a common web server refuses a query of more than 2,048
_GRACE = 0.1  # seconds in which a thread that was cut at the deadline hands over what it had


class FhirReader:
    """Reads FHIR servers for the requests of one process; each server has threads, connections and places of its own.

    `workers` are the threads for one server, `places` the requests that may read it at once. `max_pages` and
    `max_entries` hold for one search, `max_bytes` (decompressed) for one call. What lies beyond them makes a listing
    partial.
    """

    def __init__(
        self,
        *,
        workers: int = 64,
        places: int = 64,
        max_pages: int = 100,
        max_entries: int = 50_000,
        max_bytes: int = 32 * 1024 * 1024,
        ca_file: str = "",
        networks: Networks | None = None,
        breaker: Callable[[], Breaker] = Breaker,
    ) -> None:
        """`ca_file` names a PEM file of authorities that are trusted beside the public ones.

        `networks` are those that a server's name may lead to, without them public ones alone; `breaker` makes the
        breaker of a server.
        """
        self._transport = Transport(connections=workers, ca_file=ca_file, networks=networks)
        self._lanes = Lanes(threads=workers, places=places, breaker=breaker)
        self._max_pages = max_pages
        self._max_entries = max_entries
        self._max_bytes = max_bytes

    def complete(
        self, server: str, token: str, listings: Mapping[str, Listing], urls: Mapping[str, str], *, deadline: float
    ) -> dict[str, Listing]:
        """The listings, with those that are absent, failed or partial read from the server where `urls` has their key.

        `server` is a base that may be read, `token` "" for none; `urls` are relative to the base (`reads.url_of`), ""
        where there is nothing to ask for. It returns by the deadline, an instant of `time.monotonic()`. What could
        not be had is failed, or partial with the entries that came, each with its reason.

        Raises Crowded where too many requests read this server, NotAllowedServer where its name leads to a network that
        is not listed; then nothing was sent.
        """
        wanted = [key for key, had in listings.items() if had.state in _UNFINISHED and urls.get(key)]
        if not wanted:
            return dict(listings)
        try:
            with self._lanes.visit(origin_of(server)) as (lane, tally):
                visit = self._visit(server, token, deadline, tally)
                jobs = [partial(visit.complete, key, urls[key], listings[key]) for key in wanted]
                read = _gather(lane.pool, jobs, deadline, tally)
        except Resting:
            read = [RESTING] * len(wanted)
        return {**listings, **{key: _keep(listings[key], listing) for key, listing in zip(wanted, read, strict=True)}}

    def medications(self, server: str, token: str, ids: Sequence[str], *, deadline: float) -> Listing:
        """The Medications with these ids, by searches of up to fifty and, where such a search is refused, one by one.

        An id that the server does not know is simply not in the listing; the listing is partial, or failed, where
        something else kept an answer away. Raises what `complete` raises.
        """
        try:
            with self._lanes.visit(origin_of(server)) as (lane, tally):
                visit = self._visit(server, token, deadline, tally)
                return self._medications(visit, ids, lane.pool)
        except Resting:
            return RESTING

    def _medications(self, visit: _Visit, ids: Sequence[str], pool: ThreadPoolExecutor) -> Listing:
        # An id of dots alone is no id, and would lead to another path.
        batches = list(_batches(name for name in dict.fromkeys(ids) if name.strip(".")))
        searches: list[Callable[[], Listing | None]] = [partial(visit.batch, batch) for batch in batches]
        found = _gather(pool, searches, visit.deadline, visit.tally)
        refused = [name for batch, listing in zip(batches, found, strict=True) if listing is None for name in batch]
        single = [partial(visit.read, f"Medication/{quote_id(name)}", required=False) for name in refused]
        listings = [listing for listing in found if listing is not None] + _gather(
            pool, single, visit.deadline, visit.tally
        )
        return join_pages([_page_of(listing) for listing in listings])

    def close(self) -> None:
        """Ends idle connections at once, and the threads when their reads have ended."""
        self._lanes.close()
        self._transport.close()

    def _visit(self, server: str, token: str, deadline: float, tally: Tally) -> _Visit:
        return _Visit(
            transport=self._transport,
            allowance=Allowance(self._max_bytes),
            tally=tally,
            base=server,
            token=token,
            deadline=deadline,
            max_pages=self._max_pages,
            max_entries=self._max_entries,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Visit:
    """One call's reading of one server."""

    transport: Transport
    allowance: Allowance
    tally: Tally
    base: str
    token: str = field(repr=False)
    deadline: float
    max_pages: int
    max_entries: int

    def complete(self, key: str, url: str, had: Listing) -> Listing:
        if "?" in url:
            return self.search(url, had)
        return self.read(url, required=key not in READ_OF or READ_OF[key].required)

    def read(self, url: str, *, required: bool) -> Listing:
        """One resource by its id. One that is not there is failed if it is required, else there is none."""
        try:
            page = read_page(self._get(f"{self.base}/{url}"))
        except Unanswered as fault:
            if fault.status in _GONE and not required:
                return NONE
            return Listing(state="failed", reason=fault.reason)
        expected = url.partition("/")[0]
        if not page.fault and [entry.resource_type for entry in page.entries] != [expected]:
            return Listing(state="failed", reason=f"the FHIR server sent something else than the {expected}")
        return _sent(join_pages((page,)))

    def batch(self, ids: Sequence[str]) -> Listing | None:
        """The Medications with these ids, or None where the server refuses to search them."""
        query = ",".join(quote_id(identifier) for identifier in ids)
        try:
            return self.search(f"Medication?_id={query}&_count={_BATCH}", NONE, refusals=_REFUSED)
        except Unanswered:
            return None

    def search(self, url: str, had: Listing, *, refusals: frozenset[int] = frozenset()) -> Listing:
        """All pages of a search: on from what was had, where its next link may be followed, else from the first.

        It is begun anew, once, where the page links have expired or the pages turn out to be fewer than the total.
        Raises Unanswered where the first page is answered with one of the refusals.
        """
        first = f"{self.base}/{url}"
        starts: list[tuple[str, tuple[Page, ...]]] = [(first, ()), (first, ())]
        if had.next:
            with suppress(BadAddress, NotAllowedServer):
                starts[0] = next_page(self.base, first, had.next), (_page_of(had, whole=False),)
        for start, before in starts:
            listing, stale = self._follow(start, before, refusals)
            if not stale:
                break
        return listing

    def _follow(self, url: str, before: Sequence[Page], refusals: frozenset[int]) -> tuple[Listing, bool]:
        """What the pages from here on bring, and whether a new search may bring more."""
        pages = list(before)
        seen: set[str] = set()
        while True:
            seen.add(url)
            try:
                page = read_page(self._get(url), search=True)
            except Unanswered as fault:
                if not pages and fault.status in refusals:
                    raise
                return join_pages(pages, fault=fault.reason), bool(pages) and fault.status in _EXPIRED
            pages.append(page)
            if page.fault or not page.next:
                listing = _sent(join_pages(pages))
                return listing, not page.fault and listing.state == "partial" and len(pages) > 1
            try:
                url = next_page(self.base, url, page.next)
            except (BadAddress, NotAllowedServer):
                return join_pages(pages, fault="the FHIR server's next page lies outside of it"), False
            if url in seen:
                return join_pages(pages, fault="the FHIR server's pages lead in a circle"), False
            if len(seen) >= self.max_pages or sum(len(each.entries) for each in pages) > self.max_entries:
                return join_pages(pages, fault="the FHIR server has more than is read for one request"), False

    def _get(self, url: str) -> bytes:
        try:
            body = self.transport.get(url, self.token, deadline=self.deadline, allowance=self.allowance)
        except Unanswered as fault:
            if fault.ill:
                self.tally.failed = True
            elif fault.status:
                self.tally.answered = True
            self.tally.rest_s = max(self.tally.rest_s, fault.rest_s)
            raise
        self.tally.answered = True
        return body


def _gather(
    pool: ThreadPoolExecutor, jobs: Sequence[Callable[[], T]], deadline: float, tally: Tally
) -> list[T | Listing]:
    """The results of the jobs; a failed listing for those that have not ended by the deadline.

    A running job ends by itself, for its sockets count down to the same deadline; only the look-up of a name can hold
    its thread longer, a thread of that server's lane, and counts as a failure of the server.
    """
    futures = [pool.submit(job) for job in jobs]
    wait(futures, timeout=max(deadline - time.monotonic(), 0) + _GRACE)
    results: list[T | Listing] = []
    for future in futures:
        if future.cancel():
            results.append(_LATE)
        elif future.done():
            results.append(future.result())
        else:
            tally.failed = True
            results.append(_LATE)
    return results


def _page_of(listing: Listing, *, whole: bool = True) -> Page:
    return Page(entries=listing.entries, problems=listing.problems, fault=listing.reason if whole else "")


def _sent(listing: Listing) -> Listing:
    if listing.reason:
        return msgspec.structs.replace(listing, reason=f"the FHIR server sent {listing.reason}")
    return listing


def _keep(had: Listing, read: Listing) -> Listing:
    """What was read, or, where nothing came, what had been there before with the reason why it is not more."""
    if read.state == "failed" and had.entries:
        return msgspec.structs.replace(had, state="partial", next="", reason=read.reason)
    return read


def _batches(ids: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    length = 0
    for name in ids:
        length += len(quote_id(name)) + 1
        if batch and (len(batch) == _BATCH or length > _BATCH_LENGTH):
            yield batch
            batch, length = [], len(quote_id(name)) + 1
        batch.append(name)
    if batch:
        yield batch
