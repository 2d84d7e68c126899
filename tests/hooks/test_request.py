"""Reading requests of CDS Hooks 1.0 to the 3.0 ballot."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from cds_service.clinical.findings import Hook
from cds_service.hooks.errors import BadRequest, RequestError
from cds_service.hooks.request import (
    HOOKS,
    MAX_ID,
    FhirAccess,
    HookRequest,
    OrderContext,
    PatientViewContext,
    read_request,
)

from .published import published

INSTANCE = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"


def _body(hook: str = "patient-view", context: dict[str, Any] | None = None, **members: Any) -> bytes:
    envelope = {
        "hook": hook,
        "hookInstance": INSTANCE,
        "context": {"userId": "Practitioner/1", "patientId": "p1", **(context or {})},
        **members,
    }
    return json.dumps({key: value for key, value in envelope.items() if value is not ...}).encode()


def _read(hook: Hook = "patient-view", context: dict[str, Any] | None = None, **members: Any) -> HookRequest:
    return read_request(_body(hook, context, **members), service_hook=hook)


def _refused(hook: Hook = "patient-view", context: dict[str, Any] | None = None, **members: Any) -> RequestError:
    with pytest.raises(RequestError) as caught:
        _read(hook, context, **members)
    return caught.value


def _access(**members: Any) -> FhirAccess | None:
    access = {"access_token": "t0ken", "token_type": "Bearer", "expires_in": 300, "scope": "x", "subject": "y"}
    given = {key: value for key, value in (access | members).items() if value is not ...}
    return _read(fhirServer="https://ehr.example.org/fhir", fhirAuthorization=given).fhir_access


def test_the_smallest_patient_view() -> None:
    request = _read()
    assert request.hook == "patient-view"
    assert request.hook_instance == INSTANCE
    assert request.context == PatientViewContext(user_id="Practitioner/1", patient_id="p1")
    assert request.prefetch == {}
    assert (request.fhir_server, request.fhir_access, request.extension) == ("", None, None)


def test_an_order_select_with_everything() -> None:
    drafts = {"resourceType": "Bundle", "entry": []}
    context = {"encounterId": "e1", "selections": ["MedicationRequest/1"], "draftOrders": drafts}
    request = _read("order-select", context)
    assert request.context == OrderContext(
        user_id="Practitioner/1",
        patient_id="p1",
        encounter_id="e1",
        selections=("MedicationRequest/1",),
        draft_orders=Raw(json.dumps(drafts).encode()),
    )


def test_drafts_keep_every_byte() -> None:
    body = _body("order-sign", {"draftOrders": "HERE"}).replace(b'"HERE"', b'{ "x" : 3.150 }')
    context = read_request(body, service_hook="order-sign").context
    assert isinstance(context, OrderContext)
    assert context.draft_orders == Raw(b'{ "x" : 3.150 }')


@pytest.mark.parametrize("hook", ["order-select", "order-sign"])
def test_an_order_hook_without_drafts_or_selections_is_read_as_none(hook: Hook) -> None:
    context = _read(hook).context
    assert isinstance(context, OrderContext)
    assert (context.draft_orders, context.selections) == (None, None if hook == "order-select" else ())


def test_an_empty_selection_is_not_an_absent_one() -> None:
    for sent, read in (([], ()), (None, None)):
        context = _read("order-select", context={"selections": sent}).context
        assert isinstance(context, OrderContext)
        assert context.selections == read


def test_an_absent_a_null_and_a_filled_prefetch_key_differ() -> None:
    prefetch = _read(prefetch={"patient": {"resourceType": "Patient"}, "conditions": None}).prefetch
    assert prefetch == {"patient": Raw(b'{"resourceType": "Patient"}'), "conditions": None}
    assert "observations" not in prefetch


@pytest.mark.parametrize("nothing", [None, {}, ...])
def test_a_prefetch_of_nothing_is_none(nothing: object) -> None:
    assert _read(prefetch=nothing).prefetch == {}


def test_a_prefetch_value_that_is_no_resource_is_kept_for_its_reader() -> None:
    assert _read(prefetch={"patient": "<html>"}).prefetch == {"patient": Raw(b'"<html>"')}


@pytest.mark.parametrize("key", ["fhirServer", "fhirAuthorization", "prefetch", "extension"])
def test_null_counts_as_absent(key: str) -> None:
    nothing: dict[str, Any] = {key: None}
    request = _read(**nothing)
    assert (request.fhir_server, request.fhir_access, request.prefetch, request.extension) == ("", None, {}, None)


def test_unknown_members_and_extensions_are_ignored() -> None:
    extension = {"com.epic.cdshooks.request.fhir-version": "R4", "deep": [{"free": 1}]}
    request = _read(context={"later": {"x": 1}}, extension=extension, hookVersion="9", patient="x")
    assert request.extension == Raw(json.dumps(extension).encode())


@pytest.mark.parametrize(("key", "place"), [("hook", "hook"), ("hookInstance", "hookInstance")])
@pytest.mark.parametrize("value", [..., None, "", " \t"])
def test_a_missing_or_blank_member_of_the_envelope_is_named(key: str, place: str, value: Any) -> None:
    blank: dict[str, Any] = {key: value}
    error = _refused(**blank)
    assert (error.status, error.expression) == (400, (place,))
    assert error.diagnostics == "A required member is missing or blank"


@pytest.mark.parametrize("value", [..., None])
def test_a_missing_context_is_named(value: object) -> None:
    body = json.loads(_body())
    del body["context"]
    if value is None:
        body["context"] = None
    with pytest.raises(BadRequest) as caught:
        read_request(json.dumps(body).encode(), service_hook="patient-view")
    assert (caught.value.diagnostics, caught.value.expression) == ("A required member is missing", ("context",))


@pytest.mark.parametrize(
    ("member", "value", "place", "message"),
    [
        ("hook", 7, "hook", "Expected `str`, got `int`"),
        ("hookInstance", 7, "hookInstance", "Expected `str`, got `int`"),
        ("prefetch", [], "prefetch", "Expected `object`, got `array`"),
        ("prefetch", "x", "prefetch", "Expected `object`, got `str`"),
        ("fhirServer", {}, "fhirServer", "Expected `str`, got `object`"),
        ("fhirAuthorization", "x", "fhirAuthorization", "Expected `object`, got `str`"),
    ],
)
def test_a_wrong_type_in_the_envelope_is_named_without_its_value(
    member: str, value: Any, place: str, message: str
) -> None:
    wrong: dict[str, Any] = {member: value}
    error = _refused(**wrong)
    assert (error.status, error.diagnostics, error.expression) == (400, message, (place,))


@pytest.mark.parametrize("value", ["x", [], 1, True])
def test_a_context_that_is_no_object_is_refused(value: object) -> None:
    body = json.loads(_body()) | {"context": value}
    with pytest.raises(BadRequest) as caught:
        read_request(json.dumps(body).encode(), service_hook="patient-view")
    assert caught.value.expression == ("context",)


@pytest.mark.parametrize(
    ("context", "place"),
    [
        ({"userId": 1}, "context.userId"),
        ({"patientId": 1}, "context.patientId"),
        ({"encounterId": ["e"]}, "context.encounterId"),
        ({"selections": "MedicationRequest/1"}, "context.selections"),
        ({"selections": ["MedicationRequest/1", 2]}, "context.selections[1]"),
        ({"draftOrders": []}, "context.draftOrders"),
        ({"draftOrders": "x"}, "context.draftOrders"),
    ],
)
def test_a_wrong_type_in_the_context_is_named(context: dict[str, Any], place: str) -> None:
    error = _refused("order-select", context)
    assert (error.status, error.expression) == (400, (place,))


def test_another_hook_than_the_services_own_is_refused() -> None:
    with pytest.raises(BadRequest) as caught:
        read_request(_body("order-sign"), service_hook="order-select")
    assert caught.value.diagnostics == "The hook is not supported by this service"
    assert caught.value.expression == ("hook",)


def test_a_request_from_before_version_1_is_refused() -> None:
    old = {"hook": "patient-view", "hookInstance": "1", "user": "Practitioner/1", "patient": "p1", "oauth": {}}
    with pytest.raises(BadRequest) as caught:
        read_request(json.dumps(old).encode(), service_hook="patient-view")
    assert caught.value.expression == ("context",)


def test_a_wrapped_request_is_refused() -> None:
    wrapped = {"Meta": {"DataModel": "CDS Hooks"}, "Request": json.loads(_body())}
    with pytest.raises(BadRequest) as caught:
        read_request(json.dumps(wrapped).encode(), service_hook="patient-view")
    assert caught.value.expression == ("hook",)


@pytest.mark.parametrize("instance", ["1", "x" * 64, "6f5b5430-1e1a-11ee-be56-0242ac120002", "é" * 256])
def test_any_instance_that_is_not_blank_is_taken(instance: str) -> None:
    assert _read(hookInstance=instance).hook_instance == instance


def test_an_endless_instance_is_refused() -> None:
    error = _refused(hookInstance="x" * 257)
    assert (error.code, error.expression) == ("too-long", ("hookInstance",))


@pytest.mark.parametrize(
    ("given", "bare"),
    [
        ("p1", "p1"),
        ("Patient/p1", "p1"),
        ("eLpmT6.mtTSVA4r7aKiaomQ3", "eLpmT6.mtTSVA4r7aKiaomQ3"),
        ("a_b-c.d", "a_b-c.d"),
        ("x" * MAX_ID, "x" * MAX_ID),
    ],
)
def test_a_patient_id_is_read_bare(given: str, bare: str) -> None:
    assert _read(context={"patientId": given}).context.patient_id == bare


@pytest.mark.parametrize(
    "given",
    [
        *("", None, "a/b", "Patient/", "Patient/Patient/1", "a?b", "a&b", "a#b", "a%2e", "..", "a..b", "../x", "a b"),
        *("a\nb", "a\n", "é", "a|b", "a,b", "x" * (MAX_ID + 1)),
    ],
)
def test_a_patient_id_that_could_lead_a_url_astray_is_refused(given: str | None) -> None:
    error = _refused(context={"patientId": given})
    assert (error.status, error.expression) == (400, ("context.patientId",))
    assert not given or given not in error.diagnostics


def test_a_single_dot_is_no_id() -> None:
    assert _refused(context={"patientId": "."}).expression == ("context.patientId",)


def test_an_encounter_id_is_held_to_the_same() -> None:
    assert _read(context={"encounterId": "Encounter/e1"}).context.encounter_id == "e1"
    assert _refused(context={"encounterId": "../Patient/2"}).expression == ("context.encounterId",)


def test_a_missing_user_is_tolerated() -> None:
    assert _read(context={"userId": None}).context.user_id == ""


@pytest.mark.parametrize(
    "body",
    [
        b'{"hook":"patient-view","hook":"patient-view","hookInstance":"1","context":{"patientId":"1"}}',
        b'{"hook":"patient-view","hookInstance":"1","context":{"patientId":"1"},"context":{"patientId":"2"}}',
        b'{"hook":"patient-view","hookInstance":"1","context":{"patientId":"1","patientId":"2"}}',
        b'{"hook":"patient-view","hookInstance":"1","context":{"patientId":"1"},"prefetch":{"a":null,"a":{}}}',
        b'{"hook":"patient-view","hookInstance":"1","context":{"patientId":"1"},'
        b'"fhirAuthorization":{"access_token":"a","access_token":"b"}}',
        b'{"hook":"patient-view","hookInstance":"1","context":{"patientId":"1","other":1,"other":1}}',
    ],
)
def test_a_key_twice_in_what_is_read_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest) as caught:
        read_request(body, service_hook="patient-view")
    assert caught.value.code == "duplicate"


@pytest.mark.parametrize(
    ("where", "place"),
    [
        (b'"extension":{"x":1e400},"context":{"patientId":"1"}', "extension"),
        (b'"unknown":NUMBER,"context":{"patientId":"1"}', "unknown"),
        (b'"context":{"patientId":"1","unknown":[1e400]}', "context.unknown"),
        (b'"context":{"patientId":"1"},"fhirAuthorization":{"expires_in":1e400}', "fhirAuthorization.expires_in"),
    ],
)
def test_a_number_out_of_range_is_refused(where: bytes, place: str) -> None:
    body = b'{"hook":"patient-view","hookInstance":"1",' + where.replace(b"NUMBER", b"9" * 5000) + b"}"
    with pytest.raises(BadRequest) as caught:
        read_request(body, service_hook="patient-view")
    assert caught.value.expression[0].startswith(place)


@pytest.mark.parametrize("given", ["https://ehr.example.org/fhir/", "http://127.0.0.1:8080/fhir", "", "${server}"])
def test_a_fhir_server_is_kept_as_sent(given: str) -> None:
    assert _read(fhirServer=given).fhir_server == given


def test_a_good_token_is_kept_and_never_shown() -> None:
    access = _access()
    assert access == FhirAccess(token="t0ken", subject="y")
    assert "t0ken" not in repr(access)


@pytest.mark.parametrize(
    "lenient",
    [
        *({"expires_in": ...}, {"scope": ...}, {"subject": ...}, {"token_type": "BEARER"}, {"token_type": ...}),
        *({"expires_in": 0.5}, {"patient": "p1"}, {"patient": "Patient/p1"}, {"patient": None}, {"scope": 7}),
    ],
)
def test_what_clients_leave_out_or_write_otherwise_is_tolerated(lenient: dict[str, Any]) -> None:
    access = _access(**lenient)
    assert access == FhirAccess(token="t0ken", subject="" if "subject" in lenient else "y")


@pytest.mark.parametrize(
    ("unusable", "problem"),
    [
        ({"access_token": ""}, "no access token was given"),
        ({"access_token": ...}, "no access token was given"),
        ({"token_type": "MAC"}, "the access token is not a Bearer token"),
        ({"expires_in": 0}, "the access token has expired"),
        ({"expires_in": -1}, "the access token has expired"),
    ],
)
def test_an_unusable_token_is_no_token_and_says_why(unusable: dict[str, Any], problem: str) -> None:
    assert _access(**unusable) == FhirAccess(token="", problem=problem, subject="y")


def test_a_token_for_another_patient_is_refused() -> None:
    error = _refused(fhirAuthorization={"access_token": "t", "patient": "p2"})
    assert (error.status, error.expression) == (400, ("fhirAuthorization.patient",))
    assert error.diagnostics == "Another patient than context.patientId"


@pytest.mark.parametrize("token", ["a\r\nHost: evil", "a b", "é"])
def test_a_token_that_could_write_headers_is_refused(token: str) -> None:
    assert _refused(fhirAuthorization={"access_token": token}).expression == ("fhirAuthorization.access_token",)


_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_parts = st.sampled_from(["hook", "hookInstance", "context", "prefetch", "fhirServer", "fhirAuthorization"])
_inner = st.sampled_from(["userId", "patientId", "encounterId", "selections", "draftOrders", "access_token", "patient"])


@given(st.sampled_from(HOOKS), st.dictionaries(_parts, _anything), st.dictionaries(_inner, _anything))
def test_nothing_but_a_request_error_ever_comes_of_odd_values(
    hook: Hook, envelope: dict[str, Any], inner: dict[str, Any]
) -> None:
    odd = json.dumps(json.loads(_body(hook)) | envelope).encode()
    for body in (odd, _body(hook, inner), _body(hook, fhirAuthorization=inner)):
        try:
            request = read_request(body, service_hook=hook)
        except RequestError as error:
            assert error.status in (400, 413)
        else:
            assert request.hook == hook


@given(st.binary(max_size=60))
def test_nothing_but_a_request_error_ever_comes_of_odd_bytes(body: bytes) -> None:
    with pytest.raises(RequestError):
        read_request(body, service_hook="patient-view")


def test_every_malformed_published_file_is_refused_by_every_service() -> None:
    files = published("cds-malformed")
    assert len(files) > 60
    for path in files:
        for hook in HOOKS:
            with pytest.raises(BadRequest):
                read_request(path.read_bytes(), service_hook=hook)


def test_every_published_request_is_read_or_refused_with_a_place() -> None:
    read: list[str] = []
    refused: list[tuple[str, str]] = []
    for path in published("cds"):
        body = path.read_bytes()
        sent = json.loads(body)
        if not isinstance(sent, dict) or sent.get("hook") not in HOOKS:
            continue
        try:
            request = read_request(body, service_hook=sent["hook"])
        except BadRequest as error:
            refused.append((path.name, error.expression[0]))
        else:
            read.append(path.name)
            assert request.context.patient_id == sent["context"]["patientId"].removeprefix("Patient/")
            assert set(request.prefetch) == set(sent.get("prefetch") or {})
    assert len(read) > 60
    # The only one of a supported hook that cannot be taken names no patient.
    assert refused == [("extensions-datatypes-10-cdsreq_patient-view.json", "context.patientId")]
