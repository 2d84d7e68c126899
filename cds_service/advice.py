"""The line: from a parsed request to the response's bytes. The first file to read.

Data complete, whose data, chart, findings, offers, cards: each step is one call into one room.
"""

from __future__ import annotations

import datetime as dt
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec

from .access.address import BadAddress, NotAllowedServer, Servers
from .access.fhir import FhirReader
from .clinical.dialect import GENERIC, Dialect
from .clinical.findings import Finding
from .clinical.judge import judge
from .hooks.card_id import ENTROPY_BITS, CardId, write_card_id
from .hooks.cards import write_cards
from .hooks.errors import BadRequest, MissingData, NotAllowed, RequestError, Unavailable
from .hooks.request import HookRequest, OrderContext
from .knowledge.loader import Knowledge
from .mapping.bundle import ABSENT, NONE, Listing, read_listing
from .mapping.chart import ChartReader
from .mapping.gather import Gathered
from .mapping.medication import Medications
from .mapping.patient import OtherPatient, Ownership
from .mapping.reads import READ_OF, READS, is_asked, url_of
from .mapping.terminology import Terminology
from .mapping.writers import Writer


@dataclass(frozen=True, slots=True, kw_only=True)
class Adviser:
    """All that stays the same from request to request.

    `today` asks the clock; `deadline_s` bounds all FHIR reads of a request, and `waiting` how many requests wait for
    them at once, so that those that need none always find a thread. `told` is given each finding that goes out.
    """

    knowledge: Knowledge
    terminology: Terminology
    servers: Servers
    reader: FhirReader
    card_key: bytes
    today: Callable[[], dt.date]
    waiting: threading.Semaphore
    told: Callable[[Finding], None]
    deadline_s: float = 4.0
    dialect: Dialect = GENERIC

    def advise(self, request: HookRequest) -> bytes:
        """The response. Raises a `RequestError` for a request that cannot be judged: 400, 403 or 412."""
        as_of = self.today()
        dialect = self.dialect
        access = self.access(request)
        listings = self.complete(request, access, dialect)
        gathered = self.gather(request, listings, access)
        drafts = request.context.selections if isinstance(request.context, OrderContext) else ()
        chart = ChartReader(self.terminology, gathered, as_of).read(
            request.hook,
            f"Patient/{request.context.patient_id}",
            listings,
            drafts,
            not_offered=dialect.never_offers,
        )
        findings = judge(self.knowledge.book, chart, dialect)
        writer = Writer(
            self.terminology,
            patient=chart.patient.reference,
            encounter=f"Encounter/{request.context.encounter_id}" if request.context.encounter_id else "",
            original=gathered.original,
            new_id=lambda: str(uuid.uuid4()),
            dialect=dialect,
        )
        for finding in findings:
            for told in finding.told:
                self.told(told)
        offers = {number: writer.write(finding.remedies) for number, finding in enumerate(findings)}
        return write_cards(
            findings,
            offers,
            dialect=dialect,
            card_uuid=lambda finding: self.card_uuid(finding, request, as_of),
            suggestion_uuid=lambda: str(uuid.uuid4()),
        )

    def access(self, request: HookRequest) -> Access:
        """Where what is missing may be read, and with which token; nowhere where the client gives no usable access."""
        deadline = time.monotonic() + self.deadline_s
        grant = request.fhir_access
        if not request.fhir_server or (grant is not None and not grant.token and grant.problem):
            return Access(server="", token="", deadline=deadline, named=request.fhir_server)
        token = grant.token if grant is not None else ""
        server = ""
        refusal: RequestError | None = None
        try:
            server = self.servers.may_read(request.fhir_server)
        except BadAddress:
            refusal = BadRequest("Not an http or https address of a FHIR server", "fhirServer", code="value")
        except NotAllowedServer:
            refusal = NotAllowed("This FHIR server may not be read", "fhirServer")
        return Access(server=server, token=token, deadline=deadline, named=request.fhir_server, refusal=refusal)

    def complete(self, request: HookRequest, access: Access, dialect: Dialect) -> dict[str, Listing]:
        """Every list, from prefetch or, where it lacks, from the FHIR server, unless the client never has it.

        Raises `MissingData` with the keys of required lists that could not be had; where they would have to be read
        from a server that may not be, `NotAllowed`, or `BadRequest` for what is no address.
        """
        context = {"patientId": request.context.patient_id, "encounterId": request.context.encounter_id}
        listings = {
            read.key: self.given(request.prefetch, read.key) if is_asked(read, context) else NONE for read in READS
        }
        lacking = [
            key
            for key, listing in listings.items()
            # Of a list that is never offered and yet came in part, the rest is asked for.
            if listing.state in UNFINISHED and (key not in dialect.never_offers or listing.state == "partial")
        ]
        if lacking and access.server:
            urls = {read.key: url_of(read, context) for read in READS if read.key in lacking}
            with self.turn(access):
                listings = self.reader.complete(access.server, access.token, listings, urls, deadline=access.deadline)
        missing = [r.key for r in READS if r.required and listings[r.key].state in UNFINISHED]
        if missing and access.refusal is not None:
            raise access.refusal
        if missing:
            why = "; ".join(
                f"{key}: {listings[key].reason or 'not given, and no FHIR server may be asked'}" for key in missing
            )
            raise MissingData(f"Required data could not be had: {why}", missing)
        return listings

    @contextmanager
    def turn(self, access: Access) -> Iterator[None]:
        """One of the places to wait for a FHIR server. Raises `Unavailable` where none is free by the deadline."""
        if not self.waiting.acquire(timeout=max(0.0, access.deadline - time.monotonic())):
            raise Unavailable("Too many requests wait for FHIR servers")
        try:
            yield
        finally:
            self.waiting.release()

    def given(self, prefetch: Mapping[str, msgspec.Raw | None], key: str) -> Listing:
        """What prefetch holds under a key; resources none of which are of the key's type are a failure, not nothing."""
        if key not in prefetch:
            return ABSENT
        listing, kind = read_listing(prefetch[key]), READ_OF[key].resource_type
        if listing.entries and not any(entry.resource_type == kind for entry in listing.entries):
            return Listing(state="failed", reason=f"no {kind} among its resources")
        return listing

    def gather(self, request: HookRequest, listings: Mapping[str, Listing], access: Access) -> Gathered:
        """Everything decoded and shown to be this patient's, with the Medications that orders refer to.

        Raises `NotAllowed` where a resource is another patient's.
        """
        ownership = Ownership(request.context.patient_id, (access.named,))
        gathered = Gathered(ownership, Medications(self.terminology, (access.named,)))
        try:
            gathered.add_listings(listings)
            if isinstance(request.context, OrderContext):
                gathered.add_drafts(request.context.draft_orders)
            wanted = gathered.wanted_medications()
            if wanted and access.server:
                with self.turn(access):
                    found = self.reader.medications(access.server, access.token, wanted, deadline=access.deadline)
                gathered.add_listings({"medications": found})
        except OtherPatient as fault:
            place = f"{'context' if fault.where.startswith('draftOrders') else 'prefetch'}.{fault.where}"
            raise NotAllowed("A resource is not of the patient of this request", place) from None
        twice = gathered.repeated_draft()
        if twice:
            raise BadRequest("Two draft orders have the same id", f"context.{twice}", code="duplicate")
        return gathered

    def card_uuid(self, finding: Finding, request: HookRequest, as_of: dt.date) -> str:
        """The uuid of a finding's card."""
        card = CardId(
            number=finding.number,
            severity=finding.severity,
            hook=request.hook,
            version=self.knowledge.version,
            day=as_of,
        )
        return write_card_id(card, key=self.card_key, entropy=secrets.randbits(ENTROPY_BITS))


UNFINISHED = frozenset(("absent", "failed", "partial"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Where the EHR's FHIR server may be read until when.

    `server` is "" where nothing may be read; `refusal` is then the error that is due if something required is missing
    and the address is the reason. `named` is the address as the request has it, by which absolute references are
    understood.
    """

    server: str
    token: str
    deadline: float
    named: str
    refusal: RequestError | None = None

    def __repr__(self) -> str:
        return f"Access(server={self.server!r})"
