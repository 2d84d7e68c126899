"""Plays the part of an EHR: finds a service by discovery, calls its hook, and reads the cards as they are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from urllib.parse import urlsplit

import msgspec
import requests

from ..app import create_app
from ..clinical.findings import Hook
from ..settings import Settings
from .faults import CallFailed
from .orders import Draft, reference_to
from .start import starting

TIMEOUT_S = (5.0, 30.0)
"""Seconds for connecting, and for each wait for an answer."""


class Answer(msgspec.Struct, frozen=True):
    """What came back over HTTP."""

    status: int
    body: bytes


class Service(Protocol):
    """A CDS service, on the net or in this process."""

    def get(self, path: str) -> Answer:
        """The answer to a GET of a path below the base address."""

    def post(self, path: str, body: bytes) -> Answer:
        """The answer to a POST of JSON."""


class LocalService:
    """The service in this process, without any network. Raises CannotStart."""

    def __init__(self, settings: Settings) -> None:
        with starting():
            self._client = create_app(settings, feedback=False).test_client()

    def get(self, path: str) -> Answer:
        """As the protocol has it."""
        response = self._client.get(path)
        return Answer(response.status_code, response.data)

    def post(self, path: str, body: bytes) -> Answer:
        """As the protocol has it."""
        response = self._client.post(path, data=body, content_type="application/json")
        return Answer(response.status_code, response.data)


class RemoteService:
    """A service at an address, given with or without its `/cds-services`."""

    def __init__(self, address: str) -> None:
        self._base = checked_address(address).removesuffix("/cds-services")
        self._session = requests.Session()

    def get(self, path: str) -> Answer:
        """As the protocol has it. Raises CallFailed."""
        return self._send("GET", path, None)

    def post(self, path: str, body: bytes) -> Answer:
        """As the protocol has it. Raises CallFailed."""
        return self._send("POST", path, body)

    def _send(self, method: str, path: str, body: bytes | None) -> Answer:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        try:
            response = self._session.request(method, self._base + path, data=body, headers=headers, timeout=TIMEOUT_S)
        except requests.RequestException as error:
            raise CallFailed(f"{self._base} cannot be reached ({type(error).__name__})") from None
        return Answer(response.status_code, response.content)


def checked_address(address: str) -> str:
    """An http or https address without its last slash. Raises CallFailed."""
    try:
        parts = urlsplit(address)
        well_formed = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        well_formed = False
    if not well_formed:
        raise CallFailed(f"{address} is no http or https address")
    return address.rstrip("/")


class _Source(msgspec.Struct, frozen=True):
    label: str = ""


class _Suggestion(msgspec.Struct, frozen=True):
    label: str


class _Note(msgspec.Struct, frozen=True):
    rule: str


class _Extension(msgspec.Struct, frozen=True, rename={"findings": "org.cds-service.findings"}):
    findings: tuple[_Note, ...] = ()


class ShownCard(msgspec.Struct, frozen=True, kw_only=True):
    """As much of a card as a person reads."""

    summary: str
    indicator: str
    detail: str = ""
    source: _Source = _Source()
    suggestions: tuple[_Suggestion, ...] = ()
    extension: _Extension = _Extension()


class _Cards(msgspec.Struct, frozen=True):
    cards: tuple[ShownCard, ...]


class _Offered(msgspec.Struct, frozen=True):
    id: str
    hook: str


class _Discovery(msgspec.Struct, frozen=True):
    services: tuple[_Offered, ...]


class _Issue(msgspec.Struct, frozen=True):
    diagnostics: str = ""
    expression: tuple[str, ...] = ()


class _Outcome(msgspec.Struct, frozen=True):
    issue: tuple[_Issue, ...] = ()


def call_hook(service: Service, hook: Hook, body: bytes) -> bytes:
    """The response of the service that is offered for the hook. Raises CallFailed."""
    answer = service.get("/cds-services")
    if answer.status != 200:
        raise CallFailed(f"discovery failed: {refusal(answer)}")
    try:
        offered = msgspec.json.decode(answer.body, type=_Discovery).services
    except msgspec.DecodeError:
        raise CallFailed("discovery failed: what came back is no list of services") from None
    service_id = next((one.id for one in offered if one.hook == hook), None)
    if service_id is None:
        raise CallFailed(f"the service offers nothing for {hook}")
    answer = service.post(f"/cds-services/{service_id}", body)
    if answer.status != 200:
        raise CallFailed(refusal(answer))
    return answer.body


def read_cards(response: bytes) -> tuple[ShownCard, ...]:
    """The cards of a response. Raises CallFailed."""
    try:
        return msgspec.json.decode(response, type=_Cards).cards
    except (msgspec.DecodeError, RecursionError):
        raise CallFailed("what came back are no cards") from None


def refusal(answer: Answer) -> str:
    """A refusal in one line: the status, and what the OperationOutcome says where there is one."""
    try:
        issues = msgspec.json.decode(answer.body, type=_Outcome).issue
    except (msgspec.DecodeError, RecursionError):
        issues = ()
    said = "; ".join(
        issue.diagnostics + (f" ({', '.join(issue.expression)})" if issue.expression else "")
        for issue in issues
        if issue.diagnostics
    )
    return f"HTTP {answer.status}" + (f": {' '.join(said.split())}" if said else "")


class _Item(msgspec.Struct, frozen=True):
    resource: Draft


class _Drafts(msgspec.Struct, frozen=True, tag_field="resourceType", tag="Bundle"):
    type: str
    entry: tuple[_Item, ...]


class _Context(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    user_id: str
    patient_id: str
    encounter_id: str = ""
    selections: tuple[str, ...] = ()
    draft_orders: _Drafts | None = None


class _Call(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    hook: Hook
    hook_instance: str
    fhir_server: str
    context: _Context


def write_call(
    hook: Hook, *, instance: str, fhir_server: str, patient: str, encounter: str, drafts: Sequence[Draft]
) -> bytes:
    """The request of an EHR that gives its FHIR server and no prefetch. At order-select every draft is selected."""
    orders = hook != "patient-view"
    context = _Context(
        user_id="Practitioner/command-line",
        patient_id=patient,
        encounter_id=encounter,
        selections=tuple(map(reference_to, drafts)) if hook == "order-select" else (),
        draft_orders=_Drafts("collection", tuple(map(_Item, drafts))) if orders else None,
    )
    return msgspec.json.encode(_Call(hook=hook, hook_instance=instance, fhir_server=fhir_server, context=context))
