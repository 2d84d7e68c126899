"""The line: from a parsed request to the response's bytes. The first file to read.

Data complete, whose data, chart, findings, offers, cards: each step is one call into one room.
"""

from __future__ import annotations

import datetime as dt
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import msgspec

from .access.address import BadAddress, NotAllowedServer
from .access.client import AnothersServer, Client, ServersOfClients
from .access.fhir import FhirReader
from .access.lanes import Crowded
from .clinical.basket import Basket
from .clinical.chart import Chart
from .clinical.dialect import GENERIC, Dialect
from .clinical.explain import explain
from .clinical.findings import Finding
from .clinical.judge import ask, judge
from .clinical.remedy import Offer, Remedy
from .clinical.trial import ALTERNATIVES, Trial
from .hooks.card_id import ENTROPY_BITS, CardId, write_card_id
from .hooks.cards import write_cards
from .hooks.errors import BadRequest, MissingData, NotAllowed, RequestError, Unavailable
from .hooks.request import HookRequest, OrderContext
from .knowledge.loader import Knowledge
from .mapping.accepted import accepted
from .mapping.bundle import ABSENT, NONE, Listing, read_listing
from .mapping.chart import ChartReader
from .mapping.gather import Gathered
from .mapping.medication import Medications
from .mapping.patient import OtherPatient, Ownership
from .mapping.reads import READ_OF, READS, is_asked, url_of
from .mapping.terminology import Terminology
from .mapping.versions import OtherVersion, Version, version_of
from .mapping.writers import Writer


@dataclass(frozen=True, slots=True, kw_only=True)
class Adviser:
    """All that stays the same from request to request.

    `today` asks the clock; `deadline_s` bounds all FHIR reads of a request, and `waiting` how many requests wait for
    them at once, so that those that need none always find a thread. `told` is given each finding that goes out, `shown`
    what the id of each card carries.
    """

    knowledge: Knowledge
    terminology: Terminology
    servers: ServersOfClients
    reader: FhirReader
    card_key: bytes
    today: Callable[[], dt.date]
    waiting: threading.Semaphore
    told: Callable[[Finding], None]
    shown: Callable[[CardId], None] = lambda card: None
    deadline_s: float = 4.0
    dialect: Dialect = GENERIC

    def advise(self, request: HookRequest, client: Client | None = None) -> bytes:
        """The response for the client that was verified, None where nobody is asked who calls.

        Raises a `RequestError` for a request that cannot be judged: 400, 403 or 412.
        """
        as_of = self.today()
        dialect = self.dialect if client is None else client.dialect
        chart, reader, gathered = self.read(request, client, as_of)
        asked = ask(self.knowledge.book, chart, dialect)
        findings = judge(self.knowledge.book, chart, asked)
        writer = Writer(
            self.terminology,
            patient=chart.patient.reference,
            encounter=f"Encounter/{request.context.encounter_id}" if request.context.encounter_id else "",
            original=gathered.original,
            new_id=lambda: str(uuid.uuid4()),
            in_use=lambda: gathered.medications.vocabularies,
            dialect=dialect,
        )
        for finding in findings:
            for told in finding.told:
                self.told(told)
        return write_cards(
            findings,
            self.offers(findings, Trial(self.knowledge.book, chart, asked.verdicts), writer, reader),
            dialect=dialect,
            card_uuid=lambda finding: self.card_uuid(finding, request, as_of),
            suggestion_uuid=lambda: str(uuid.uuid4()),
        )

    def explain(self, request: HookRequest) -> bytes:
        """Why each rule speaks or does not, as JSON. Raises as `advise` does; for development, and a trial at home."""
        chart, _, _ = self.read(request, None, self.today())
        return msgspec.json.encode({"hook": request.hook, "rules": explain(self.knowledge.book, chart)})

    def read(self, request: HookRequest, client: Client | None, as_of: dt.date) -> tuple[Chart, ChartReader, Gathered]:
        """The chart, with what it was read by and from."""
        dialect = self.dialect if client is None else client.dialect
        access = self.access(request, client)
        listings = self.complete(request, access, dialect)
        gathered = self.gather(request, listings, access)
        listings = self.without_other_versions(listings, gathered)
        drafts = request.context.selections if isinstance(request.context, OrderContext) else ()
        reader = ChartReader(self.terminology, gathered, as_of)
        chart = reader.read(
            request.hook,
            f"Patient/{request.context.patient_id}",
            listings,
            drafts,
            not_offered=dialect.never_offers,
        )
        return chart, reader, gathered

    def access(self, request: HookRequest, client: Client | None = None) -> Access:
        """Where what is missing may be read, and with which token; nowhere where the client gives no usable access.

        Raises `NotAllowed` for another client's server, and for a token that was issued for another service.
        """
        deadline = time.monotonic() + self.deadline_s
        grant = request.fhir_access
        server = ""
        refusal: RequestError | None = None
        if client and client.subject and grant and grant.subject not in ("", client.subject):
            raise NotAllowed("The access token was issued for another service", "fhirAuthorization.subject")
        try:
            server = self.servers.may_read(request.fhir_server, client) if request.fhir_server else ""
        except AnothersServer:
            raise NotAllowed("This FHIR server is not the client's", "fhirServer") from None
        except BadAddress:
            refusal = BadRequest("Not an http or https address of a FHIR server", "fhirServer", code="value")
        except NotAllowedServer:
            refusal = NotAllowed("This FHIR server may not be read", "fhirServer")
        if not request.fhir_server or (grant is not None and not grant.token and grant.problem):
            return Access(server="", token="", deadline=deadline, named=request.fhir_server)
        token = grant.token if grant is not None else ""
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
        refusal = access.refusal
        if lacking and access.server:
            urls = {read.key: url_of(read, context) for read in READS if read.key in lacking}
            try:
                with self.turn():
                    listings = self.reader.complete(
                        access.server, access.token, listings, urls, deadline=access.deadline
                    )
            except NotAllowedServer:
                refusal = NotAllowed("The name of this FHIR server leads to a network that is not listed", "fhirServer")
        missing = [r.key for r in READS if r.required and listings[r.key].state in UNFINISHED]
        if missing and refusal is not None:
            raise refusal
        if missing:
            raise missing_data(missing, listings)
        return listings

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One of the places to wait for FHIR servers, or `Unavailable` at once: who queued here would hold a thread."""
        if not self.waiting.acquire(blocking=False):
            raise Unavailable("Too many requests wait for FHIR servers")
        try:
            yield
        except Crowded:
            raise Unavailable("Too many requests wait for this FHIR server") from None
        finally:
            self.waiting.release()

    def given(self, prefetch: Mapping[str, msgspec.Raw | None], key: str) -> Listing:
        """What prefetch holds under a key; resources none of which are of the key's type are a failure, not nothing."""
        if key not in prefetch:
            return ABSENT
        listing, kind = read_listing(prefetch[key]), READ_OF[key].resource_type
        if listing.entries and not any(entry.resource_type == kind for entry in listing.entries):
            version = version_of(listing.entries[0].resource)
            return (
                failed_version(version) if version else Listing(state="failed", reason=f"no {kind} among its resources")
            )
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
                gathered.add_selections(request.context.selections)
            wanted = gathered.wanted_medications()
            if wanted and access.server:
                # Where the name leads elsewhere by now, they stay what was not found.
                with suppress(NotAllowedServer), self.turn():
                    found = self.reader.medications(access.server, access.token, wanted, deadline=access.deadline)
                    gathered.add_listings({"medications": found})
        except OtherPatient as fault:
            place = f"{'context' if fault.where.startswith('draftOrders') else 'prefetch'}.{fault.where}"
            raise NotAllowed("A resource is not of the patient of this request", place) from None
        except OtherVersion as fault:
            raise BadRequest(
                f"An order of FHIR {fault.version}; this service reads FHIR R4",
                f"context.{fault.where}",
                code="not-supported",
            ) from None
        twice = gathered.repeated_draft()
        if twice:
            raise BadRequest("Two draft orders have the same id", f"context.{twice}", code="duplicate")
        return gathered

    def offers(
        self, findings: Sequence[Finding], trial: Trial, writer: Writer, reader: ChartReader
    ) -> dict[int, tuple[Offer, ...]]:
        """What is offered for each finding, by its number: remedies that can be written, and that were tried."""
        basket = Basket()
        offers: dict[int, tuple[Offer, ...]] = {}
        for number, finding in enumerate(findings):
            kept: list[tuple[Remedy, Offer]] = []
            for remedy in finding.remedies:
                offer = writer.write(remedy) if len(kept) < ALTERNATIVES and basket.takes(remedy) else None
                after = accepted(trial.chart, offer, reader) if offer is not None else None
                if offer is not None and after is not None and trial.passes(finding, remedy, after):
                    kept.append((remedy, offer))
            basket.add(remedy for remedy, _ in kept)
            offers[number] = preferred_first([offer for _, offer in kept], finding)
        return offers

    def without_other_versions(self, listings: dict[str, Listing], gathered: Gathered) -> dict[str, Listing]:
        """The lists, those of another version of FHIR as failed. Raises `MissingData` where one of them is required."""
        failed = {key: failed_version(version) for key, version in gathered.versions.items()}
        listings = {**listings, **failed}
        lacking = [read.key for read in READS if read.required and read.key in failed]
        if lacking:
            raise missing_data(lacking, listings)
        return listings

    def card_uuid(self, finding: Finding, request: HookRequest, as_of: dt.date) -> str:
        """The uuid of a finding's card, which counts as shown."""
        card = CardId(
            number=finding.number,
            severity=finding.severity,
            hook=request.hook,
            version=self.knowledge.version,
            day=as_of,
        )
        self.shown(card)
        return write_card_id(card, key=self.card_key, entropy=secrets.randbits(ENTROPY_BITS))


def preferred_first(offers: list[Offer], finding: Finding) -> tuple[Offer, ...]:
    """The offers of a finding; where one of its remedies is the preferred one and was not kept, the next one is."""
    prefers = any(remedy.recommended for remedy in finding.remedies)
    if offers and prefers and not any(offer.recommended for offer in offers):
        offers[0] = msgspec.structs.replace(offers[0], recommended=True)
    return tuple(offers)


def failed_version(version: Version) -> Listing:
    """A list that is there, but of another version of FHIR."""
    return Listing(state="failed", reason=f"of FHIR {version}, and this service reads FHIR R4")


def missing_data(keys: Sequence[str], listings: Mapping[str, Listing]) -> MissingData:
    """The error that names these required lists, and why each could not be had."""
    why = "; ".join(f"{key}: {listings[key].reason or 'not given, and no FHIR server may be asked'}" for key in keys)
    return MissingData(f"Required data could not be had: {why}", keys)


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
