"""Nothing of a patient and no token is ever found in a log, in the metrics, or in the answer to a bad request."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NoReturn

import pytest
import structlog

from cds_service import advice
from cds_service.app import create_app
from cds_service.cli.fixtures import fixture_names, load_fixture
from cds_service.settings import Settings

from ..access.servers import Answer, Server, http_server
from ..ehr import AS_OF, Json, without
from .running import JSON, LIMIT, Service, head, post, split

TOKEN = "t0ken-of-the-ehr-4711"
OTHER = "somebody-else"


@cache
def bodies() -> dict[str, Json]:
    """The call of every synthetic patient."""
    return {name: json.loads(load_fixture(name, AS_OF).request) for name in fixture_names()}


@cache
def secrets() -> re.Pattern[str]:
    """Every name, id and birth date of the synthetic patients, and the token."""
    words = {TOKEN}
    for body in bodies().values():
        patient = body["prefetch"]["patient"]
        words |= {body["context"]["patientId"], patient["id"], patient["birthDate"]}
        for name in patient["name"]:
            words |= {name["text"], name["family"], *name["given"]}
    assert len(words) > 60
    return re.compile(r"\b(" + "|".join(map(re.escape, sorted(words))) + r")\b")


def found(text: bytes | str) -> list[str]:
    told = text if isinstance(text, str) else text.decode("utf-8", errors="replace")
    return secrets().findall(told)


def written(body: Json) -> bytes:
    return json.dumps(body).encode()


def bad(body: Json, fhir_server: str) -> Iterator[tuple[bytes, int]]:
    """Calls for a patient that cannot be answered, each with its status."""
    whole = written(body)
    hook, context = body["hook"], body["context"]
    patient = body["prefetch"]["patient"]
    name, own = patient["name"][0]["text"], patient["id"]
    path = f"/cds-services/myositis-{hook}"
    access = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 300, "scope": "x", "subject": own}
    gap = {**body, "prefetch": without(body["prefetch"], "conditions")}
    granted = {"fhirServer": fhir_server, "fhirAuthorization": access}

    def call(value: Json | bytes, status: int, *lines: str, at: str = path) -> tuple[bytes, int]:
        raw = value if isinstance(value, bytes) else written(value)
        return post(*lines, body=raw, path=at), status

    # what is no request
    yield call(whole[:-1], 400)
    yield call(whole + whole, 400)
    yield call(whole.replace(b'"patientId"', b'"patientId": "' + own.encode() + b'", "patientId"', 1), 400)
    yield call({**body, "hook": name}, 400)
    yield call({**body, "hookInstance": name * 100}, 400)
    yield call({**body, own: own, "hook": None}, 400)
    yield call({**body, "context": {**context, "patientId": {"reference": own}}}, 400)
    yield call({**body, "context": {**context, "patientId": f"{own}/{name}"}}, 400)
    yield call({**body, "context": {**context, "userId": [own]}}, 400)
    yield call({**body, "context": name}, 400)
    yield call({**body, "prefetch": {f"{own} {number}": name for number in range(10_001)}}, 413)
    yield call({**gap, **granted, "fhirAuthorization": {**access, "patient": OTHER}}, 400)
    yield call({**gap, **granted, "fhirAuthorization": {**access, "access_token": f"{TOKEN}\n{own}"}}, 400)
    # what is not whole, not the patient's, or not to be had
    yield call(gap, 412)
    yield call({**gap, **granted}, 412)
    yield call({**gap, **granted, "fhirServer": f"https://{own}.example.org/{own}"}, 403)
    yield call({**gap, **granted, "fhirServer": f"file:///{own}"}, 400)
    yield call({**body, "prefetch": {**body["prefetch"], "conditions": name}}, 412)
    yield call({**body, "prefetch": {**body["prefetch"], "conditions": {**patient, "resourceType": "Slot"}}}, 412)
    yield call({**body, "context": {**context, "patientId": OTHER}}, 403)
    # what is no call
    yield call(whole, 404, at=f"/cds-services/{own}")
    yield call(whole, 404, at=f"/Patient/{own}?name={patient['name'][0]['family']}")
    yield call(whole, 415, f"Content-Encoding: {own}")
    yield head("POST", path, f"Content-Type: {own}", "Content-Length: 2") + b"{}", 415
    yield head("GET", f"{path}?patient={own}", f"Authorization: Bearer {TOKEN}"), 405
    yield head("POST", path, JSON, f"Content-Length: {own}"), 400
    yield head("GET", path, f"{name} {TOKEN}"), 400
    yield head("POST", path, JSON, "Transfer-Encoding: chunked") + f"{own}\r\n{name}\r\n".encode(), 400
    yield head("POST", path, JSON, f"Content-Length: {LIMIT * 1000}"), 413
    yield f"{name} {own} {TOKEN}\r\n\r\n".encode(), 400


def gossip(server: Server, path: str) -> Answer:
    """A FHIR server that fails and says about whom."""
    told = [json.dumps(body["prefetch"]["patient"]) for body in bodies().values()]
    return 500, {"Content-Type": "application/json"}, f"{path} {TOKEN} {told}".encode()


@pytest.mark.slow
def test_nothing_of_any_patient_is_in_a_log_in_the_metrics_or_in_an_error(tmp_path: Path) -> None:
    service = Service(tmp_path / "log", limit=10 * LIMIT)
    try:
        with http_server(gossip) as fhir:
            for name, body in bodies().items():
                path = f"/cds-services/myositis-{body['hook']}"
                answer = service.say(post(f"Authorization: Bearer {TOKEN}", body=written(body), path=path))
                assert split(answer)[0] == 200, name
                for number, (sent, status) in enumerate(bad(body, fhir.base)):
                    answer = service.say(sent, hang_up=True)
                    assert (number, split(answer)[0]) == (number, status), (name, answer)
                    assert found(answer) == [], (name, number)
            assert fhir.seen
        for path in ("/metrics", "/health/ready", "/health/live", "/cds-services"):
            assert found(service.say(head("GET", path))) == []
    finally:
        service.stop()
    log = service.log.read_text(encoding="utf-8", errors="replace")
    assert len(log.splitlines()) > 400
    assert found(log) == []


@pytest.mark.parametrize("name", fixture_names())
def test_a_bug_in_a_rule_tells_nothing_of_the_patient(
    name: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    body = bodies()[name]

    def break_down(*_: object) -> NoReturn:
        raise KeyError(json.dumps(body["prefetch"]))

    monkeypatch.setattr(advice, "judge", break_down)
    client = create_app(Settings(as_of=AS_OF, log_level="debug")).test_client()
    response = client.post(f"/cds-services/myositis-{body['hook']}", json=body)
    page = client.get("/metrics").data
    structlog.reset_defaults()
    assert response.status_code == 500
    assert json.loads(response.data)["issue"][0]["diagnostics"] == ("The service failed; the request was not checked")
    log = capfd.readouterr().err
    assert '"error": "KeyError"' in log
    assert (found(response.data), found(page), found(log)) == ([], [], [])


def test_what_is_sought_would_be_found() -> None:
    born = bodies()["methotrexate-without-folic-acid"]["prefetch"]["patient"]["birthDate"]
    assert found(f"Weeklydose, Wilma; Patient/wilma-weeklydose, born {born}, {TOKEN}") == [
        "Weeklydose",
        "Wilma",
        "wilma-weeklydose",
        born,
        TOKEN,
    ]
