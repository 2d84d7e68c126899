"""The request: a CDS Hooks body (1.0 to the 3.0 ballot) read into frozen values.

Resources stay raw: prefetch values and draft orders are slices of the body that only `mapping` decodes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import get_args

import msgspec

from ..clinical.findings import Hook
from .errors import BadRequest
from .fhir_version import check_fhir_version
from .strict import Members, read_document

HOOKS: tuple[Hook, ...] = get_args(Hook)
MAX_INSTANCE = 256
"""So many characters may `hookInstance` have; it need not be a UUID, nor be new."""
MAX_ID = 512
"""So many characters may the id of a patient or encounter have: real ones exceed FHIR's 64 and reach about 200."""

_ID = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)
_TOKEN = re.compile(r"[\x21-\x7e]+", re.ASCII)
_READ = frozenset(("hook", "hookInstance", "context", "prefetch", "fhirServer", "fhirAuthorization"))
_READ_CONTEXT = frozenset(("userId", "patientId", "encounterId", "selections", "draftOrders"))
_READ_ACCESS = frozenset(("access_token", "token_type", "expires_in", "patient", "subject"))


class PatientViewContext(msgspec.Struct, frozen=True, kw_only=True):
    """Whose chart is open: bare ids. `user_id` (`Type/id`) and `encounter_id` are "" where they did not come."""

    user_id: str = ""
    patient_id: str
    encounter_id: str = ""


class OrderContext(PatientViewContext, frozen=True, kw_only=True):
    """What is being ordered, at order-select and order-sign.

    `selections` are `Type/id`, as sent, and only for order-select; None where the client did not say what is selected.
    `draft_orders` is the Bundle as it came, None where the client sent none: it may not be allowed to.
    """

    selections: tuple[str, ...] | None = ()
    draft_orders: msgspec.Raw | None = None


class FhirAccess(msgspec.Struct, frozen=True, kw_only=True):
    """The token for the FHIR server. `token` is "" where it cannot be used, and then `problem` says why.

    `subject` is the service that it was issued for, as the authorization server calls it; "" where it is not said.

    A token lives no longer than its request; it is left out of the representation so that no log can hold it.
    """

    token: str = ""
    problem: str = ""
    subject: str = ""

    def __repr__(self) -> str:
        return f"FhirAccess(token={'...' if self.token else ''!r}, problem={self.problem!r})"


class HookRequest(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One call of a service.

    A key that is absent from `prefetch` was not given; None is JSON null: the client looked and there is nothing.
    `fhir_server` is as sent, "" where nothing was: whether it is an address at all matters only to who reads from it.
    Of `extension` only the version of FHIR is read, before.
    """

    hook: Hook
    hook_instance: str
    context: PatientViewContext | OrderContext
    prefetch: Mapping[str, msgspec.Raw | None]
    fhir_server: str = ""
    fhir_access: FhirAccess | None = None
    extension: msgspec.Raw | None = None


def read_request(body: bytes, *, service_hook: Hook) -> HookRequest:
    """The request in `body`, which must be for the hook of the service that was called.

    Unknown members and extensions are ignored, an optional member that is null counts as absent. Anything else that is
    not as CDS Hooks has it is a BadRequest with its path, an absurdly large object a TooLarge.
    """
    envelope = read_document(body)
    if _required(envelope, "hook") != service_hook:
        raise BadRequest("The hook is not supported by this service", "hook", code="not-supported")
    instance = _required(envelope, "hookInstance")
    if len(instance) > MAX_INSTANCE:
        raise BadRequest(f"Longer than {MAX_INSTANCE} characters", "hookInstance", code="too-long")
    members = envelope.members("context")
    if members is None:
        raise BadRequest("A required member is missing", "context", code="required")
    context = _read_context(members, service_hook)
    prefetch = envelope.members("prefetch")
    access = envelope.members("fhirAuthorization")
    envelope.check_rest(_READ)
    check_fhir_version(envelope.raw("extension"))
    return HookRequest(
        hook=service_hook,
        hook_instance=instance,
        context=context,
        prefetch={} if prefetch is None else prefetch.values(),
        fhir_server=envelope.text("fhirServer"),
        fhir_access=None if access is None else _read_access(access, context.patient_id),
        extension=envelope.raw("extension"),
    )


def _read_context(members: Members, hook: Hook) -> PatientViewContext | OrderContext:
    user_id = members.text("userId")
    patient_id = _read_id(_required(members, "patientId"), "Patient/", members.place("patientId"))
    encounter_id = members.text("encounterId")
    if encounter_id:
        encounter_id = _read_id(encounter_id, "Encounter/", members.place("encounterId"))
    members.check_rest(_READ_CONTEXT)
    if hook == "patient-view":
        return PatientViewContext(user_id=user_id, patient_id=patient_id, encounter_id=encounter_id)
    drafts = members.raw("draftOrders")
    if drafts is not None and bytes(memoryview(drafts)[:1]) != b"{":
        raise BadRequest("Expected a Bundle", members.place("draftOrders"), code="value")
    return OrderContext(
        user_id=user_id,
        patient_id=patient_id,
        encounter_id=encounter_id,
        selections=_read_selections(members) if hook == "order-select" else (),
        draft_orders=drafts,
    )


def _read_selections(members: Members) -> tuple[str, ...] | None:
    return None if members.raw("selections") is None else members.texts("selections")


def _read_id(text: str, prefix: str, place: str) -> str:
    """A bare id that is safe in a URL, without the type that some clients put before it."""
    bare = text.removeprefix(prefix)
    if len(bare) > MAX_ID or ".." in bare or bare == "." or not _ID.fullmatch(bare):
        raise BadRequest("Not an id: letters, digits, '-', '_' and single '.' are allowed", place, code="value")
    return bare


def _read_access(members: Members, patient_id: str) -> FhirAccess:
    token = members.text("access_token")
    kind = members.text("token_type")
    expires_in = members.number("expires_in")
    patient = members.text("patient").removeprefix("Patient/")
    subject = members.text("subject")
    members.check_rest(_READ_ACCESS)
    if patient and patient != patient_id:
        raise BadRequest("Another patient than context.patientId", members.place("patient"), code="value")
    if token and not _TOKEN.fullmatch(token):
        raise BadRequest("Not a bearer token", members.place("access_token"), code="value")
    problem = ""
    if not token:
        problem = "no access token was given"
    elif kind and kind.lower() != "bearer":
        problem = "the access token is not a Bearer token"
    elif expires_in is not None and expires_in <= 0:
        problem = "the access token has expired"
    return FhirAccess(token="" if problem else token, problem=problem, subject=subject)


def _required(members: Members, key: str) -> str:
    text = members.text(key)
    if not text.strip():
        raise BadRequest("A required member is missing or blank", members.place(key), code="required")
    return text
