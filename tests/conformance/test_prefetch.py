"""Prefetch key by key: what each kind of value stands for, with and without a FHIR server that may be read."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from cds_service.mapping.reads import READS, Read

from ..access.servers import Answer, Server, answer, http_server
from ..ehr import (
    DIGOXIN,
    HOOKS,
    IVIG,
    METHOTREXATE,
    PATIENT,
    RITUXIMAB,
    Json,
    bundle,
    cards,
    draft,
    infused,
    issue,
    post,
    record,
    request,
    resource,
    unchecked,
    weekly,
)

MTX = draft(METHOTREXATE, "draft-1", weekly(15, "mon"))
BASKET = [MTX, draft(RITUXIMAB, "draft-2", infused(1, "g", 0)), draft(IVIG, "draft-3", infused(28, "g", 0))]
"""Orders of which some rule asks about each optional key."""
ERROR: Json = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
REMARK: Json = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "informational"}]}
ABSENT = "absent"
CALLED = {
    "medicationStatements": "medication statements",
    "medicationAdministrations": "medication administrations",
    "observations": "results",
    "allergies": "allergies",
    "procedures": "procedures",
    "immunizations": "immunizations",
    "encounter": "encounter",
}
IDS = {"patient": PATIENT, "encounter": "e1"}


def one(read: Read) -> Json:
    """A resource as it lies under a key."""
    if read.resource_type == "Patient":
        return {"resourceType": "Patient", "id": PATIENT, "gender": "female", "birthDate": "1968-03-14"}
    drug = {"medicationCodeableConcept": DIGOXIN} if read.resource_type.startswith("Medication") else {}
    return resource(read.resource_type, IDS.get(read.key, f"{read.key}-1"), status="final", **drug)


def data(read: Read) -> Json:
    """What a client sends that has something."""
    return bundle(one(read)) if read.is_search else one(read)


def values(read: Read) -> dict[str, tuple[object, str]]:
    """Each kind of value of a key, and what it stands for: it is used, it is nothing, or it must be read."""
    found: dict[str, tuple[object, str]] = {
        "absent": (ABSENT, "read"),
        "null": (None, "nothing"),
        "an OperationOutcome": (ERROR, "read"),
        "a page of HTML": ("<html>Tomcat</html>", "read"),
        "another type": ({"resourceType": "Slot", "id": "s"}, "read"),
        "data": (data(read), "used"),
    }
    if read.is_search:
        paged = bundle(one(read), link=[{"relation": "next", "url": "http://127.0.0.1:9/fhir?page=2"}])
        found |= {
            "an empty Bundle": (bundle(), "nothing"),
            "an empty Bundle with a remark": (
                bundle({"resource": REMARK, "search": {"mode": "outcome"}}, total=0),
                "nothing",
            ),
            "an OperationOutcome in a Bundle": (bundle({"resource": ERROR, "search": {"mode": "outcome"}}), "read"),
            "the first of two pages": (paged, "read"),
            "fewer entries than its total": (bundle(one(read), total=2), "read"),
            "an included resource beside it": (
                bundle(one(read), {"resource": {"resourceType": "Slot", "id": "s"}, "search": {"mode": "include"}}),
                "used",
            ),
        }
    return found


CASES = [
    pytest.param(read, value, meaning, id=f"{read.key}: {name}")
    for read in READS
    for name, (value, meaning) in values(read).items()
]


def call(read: Read, value: object, **members: object) -> Json:
    """A call at order-sign with this value under the key, and everything else there."""
    prefetch = record() | {"encounter": {"resourceType": "Encounter", "id": "e1"}} | {read.key: value}
    if value is ABSENT:
        del prefetch[read.key]
    return {**request("order-sign", prefetch, BASKET, context={"encounterId": "e1"}), **members}


def reply(status: int, server: Server, path: str) -> Answer:
    """What an EHR's server has: one resource of each kind, or this status for everything."""
    if status != 200:
        return answer(ERROR, status)
    kind = path.removeprefix("/fhir/").partition("?")[0].partition("/")[0]
    return answer(next(data(read) for read in READS if read.resource_type == kind))


@pytest.fixture(scope="module")
def ehr() -> Iterator[Server]:
    with http_server(partial(reply, 200)) as server:
        yield server


@pytest.fixture(scope="module")
def broken() -> Iterator[Server]:
    with http_server(partial(reply, 404)) as server:
        yield server


@pytest.mark.parametrize(("read", "value", "meaning"), CASES)
def test_with_a_server_exactly_what_is_unknown_is_read(ehr: Server, read: Read, value: object, meaning: str) -> None:
    ehr.seen.clear()
    token = {"access_token": "t0ken", "token_type": "Bearer", "expires_in": 300, "scope": "x", "subject": "y"}
    assert cards(post(call(read, value, fhirServer=ehr.base, fhirAuthorization=token)))
    asked = [path.removeprefix("/fhir/") for path in ehr.paths]
    url = read.query.replace("{{context.patientId}}", PATIENT).replace("{{context.encounterId}}", "e1")
    assert asked == ([f"{url}&_count=200" if read.is_search else url] if meaning == "read" else [])
    assert {headers["Authorization"] for _, headers in ehr.seen} <= {"Bearer t0ken"}


@pytest.mark.parametrize(("read", "value", "meaning"), CASES)
def test_without_a_server_412_for_what_is_required_and_a_card_for_the_rest(
    read: Read, value: object, meaning: str
) -> None:
    response = post(call(read, value))
    if meaning != "read":
        assert response.status_code == 200
    elif read.required:
        assert issue(response, 412)["expression"] == [f"prefetch.{read.key}"]
    else:
        named = set(unchecked(response)) - set(unchecked(post(call(read, None))))
        assert {check.partition(": ")[2] for check in named} == {CALLED[read.key]}


@pytest.mark.parametrize(("read", "value", "meaning"), CASES)
def test_a_server_that_fails_is_no_server(broken: Server, read: Read, value: object, meaning: str) -> None:
    response = post(call(read, value, fhirServer=broken.base))
    assert response.status_code == (412 if meaning == "read" and read.required else 200)
    if response.status_code == 412:
        assert issue(response, 412)["expression"] == [f"prefetch.{read.key}"]


@pytest.mark.parametrize("hook", HOOKS)
def test_every_key_is_looked_at_by_itself(hook: str) -> None:
    """That prefetch is there says nothing about the key beside."""
    for read in READS:
        if read.required:
            prefetch = {key: value for key, value in record().items() if key != read.key}
            assert issue(post(request(hook, prefetch, [MTX])), 412)["expression"] == [f"prefetch.{read.key}"]


@pytest.mark.parametrize("read", [read for read in READS if read.is_search], ids=lambda read: read.key)
def test_another_patient_among_what_was_read_ends_the_request(read: Read) -> None:
    own = one(read)
    foreign = {**own, "id": "foreign"} | {
        name: {"reference": "Patient/somebody-else"} for name in ("subject", "patient") if name in own
    }
    with http_server(lambda server, path: answer(bundle(own, foreign))) as mixed:
        told = issue(post(call(read, ABSENT, fhirServer=mixed.base)), 403)
    assert told["diagnostics"] == "A resource is not of the patient of this request"
    assert told["expression"] == [f"prefetch.{read.key}.entry[1]"]
