"""HTTP, with an adviser that only says what it was asked."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
import structlog
from flask import Flask
from flask.testing import FlaskClient
from structlog.testing import capture_logs
from werkzeug.test import create_environ, run_wsgi_app
from werkzeug.wrappers import Response

from cds_service.access.client import Client
from cds_service.hooks.discovery import services, write_discovery
from cds_service.hooks.errors import MissingData, NotAllowed
from cds_service.hooks.request import HOOKS, HookRequest
from cds_service.metrics import Metrics
from cds_service.web import PUBLIC_SANDBOX, Origins, create_web

from .hooks.published import published

LIMIT = 10_000
OUTCOME = json.loads((files("cds_service.hooks") / "schemas" / "operation-outcome.json").read_text())
CALL = "/cds-services/myositis-patient-view"
REQUEST = {
    "hook": "patient-view",
    "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
    "context": {"userId": "Practitioner/1", "patientId": "patient-4711"},
}


class Echo:
    """Answers with an empty list of cards, or fails as it was told to."""

    def __init__(self) -> None:
        self.asked: list[HookRequest] = []
        self.failure: Exception | None = None

    def advise(self, request: HookRequest, client: Client | None, /) -> bytes:
        """What every test gets."""
        self.asked.append(request)
        if self.failure is not None:
            raise self.failure
        return b'{"cards":[]}'


def _app(adviser: Echo, origins: Origins, limit: int = LIMIT) -> Flask:
    offered = services(lambda hook: {"patient": "Patient/{{context.patientId}}"})
    return create_web(
        adviser,
        offered,
        write_discovery(offered),
        metrics=Metrics(),
        origins=origins,
        body_limit=limit,
        about={"profile": "development", "knowledge": "0123abcd"},
    )


@pytest.fixture
def adviser() -> Echo:
    """The adviser behind `client`."""
    return Echo()


@pytest.fixture
def client(adviser: Echo) -> FlaskClient:
    """A client of a development service."""
    return _app(adviser, Origins(frozenset((PUBLIC_SANDBOX,)), loopback=True)).test_client()


@pytest.fixture(autouse=True)
def _no_log_output() -> Iterator[None]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


def _raw(client: FlaskClient, environ: dict[str, Any]) -> Response:
    """The answer to an environment just as a server hands it over."""
    body, status, headers = run_wsgi_app(client.application, environ)
    return Response(body, status, headers)


def _outcome(response: Response, status: int) -> dict[str, Any]:
    """The single issue of an answer that must be an OperationOutcome of this status."""
    assert response.status_code == status
    assert response.content_type == "application/json"
    outcome = json.loads(response.data)
    jsonschema.validate(outcome, OUTCOME)
    issue: dict[str, Any] = outcome["issue"][0]
    return issue


def test_discovery_shows_three_services(client: FlaskClient) -> None:
    response = client.get("/cds-services")
    assert response.status_code == 200
    assert response.content_type == "application/json"
    assert [service["hook"] for service in json.loads(response.data)["services"]] == list(HOOKS)


@pytest.mark.parametrize("path", ["/cds-services/", "//cds-services", "/cds-services//"])
def test_discovery_bears_slashes_too_many(client: FlaskClient, path: str) -> None:
    assert _raw(client, create_environ("/") | {"PATH_INFO": path}).status_code == 200


def test_a_call_is_read_and_answered(client: FlaskClient, adviser: Echo) -> None:
    response = client.post(CALL, json=REQUEST)
    assert (response.status_code, response.data) == (200, b'{"cards":[]}')
    assert adviser.asked[0].context.patient_id == "patient-4711"


def test_a_service_url_with_a_double_slash_is_called_without_a_redirect(client: FlaskClient) -> None:
    assert client.post("/cds-services//myositis-patient-view", json=REQUEST).status_code == 200


@pytest.mark.parametrize("accept", ["text/html", "application/xml", ""])
def test_the_answer_is_json_whatever_is_accepted(client: FlaskClient, accept: str) -> None:
    assert client.post(CALL, json=REQUEST, headers={"Accept": accept}).content_type == "application/json"


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"', "application/json;"],
)
def test_json_in_utf8_is_taken_however_it_is_written(client: FlaskClient, content_type: str) -> None:
    assert client.post(CALL, data=json.dumps(REQUEST), content_type=content_type).status_code == 200


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/fhir+json",
        "application/x-www-form-urlencoded",
        "application/json; charset=latin-1",
    ],
)
def test_another_media_type_is_refused(client: FlaskClient, content_type: str) -> None:
    response = client.post(CALL, data=json.dumps(REQUEST), content_type=content_type)
    assert _outcome(response, 415)["diagnostics"] == "The body must be application/json in UTF-8"


def test_a_compressed_body_is_refused(client: FlaskClient) -> None:
    response = client.post(CALL, json=REQUEST, headers={"Content-Encoding": "gzip"})
    assert _outcome(response, 415)["diagnostics"] == "A compressed body is not supported"


@pytest.mark.parametrize(
    "path", ["/", "/cds-services/other", "/cds-services/..", "/cds-services/%00", "/cds-services/" + "x" * 10_000]
)
def test_an_unknown_address_is_not_found(client: FlaskClient, path: str) -> None:
    assert _outcome(client.post(path, json=REQUEST), 404)["code"] == "not-found"


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [("GET", CALL, "OPTIONS, POST"), ("PUT", CALL, "OPTIONS, POST"), ("POST", "/cds-services", "GET, HEAD, OPTIONS")],
)
def test_a_wrong_method_is_told_the_right_ones(client: FlaskClient, method: str, path: str, allow: str) -> None:
    response = client.open(path, method=method)
    assert _outcome(response, 405)["diagnostics"] == "This address does not take this method"
    assert response.headers["Allow"] == allow


def test_an_empty_body_is_refused(client: FlaskClient) -> None:
    issue = _outcome(client.post(CALL, data=b"", content_type="application/json"), 400)
    assert issue["diagnostics"] == "The body is not valid JSON: Input data was truncated"


def test_a_bad_request_names_the_place_and_never_the_value(client: FlaskClient, adviser: Echo) -> None:
    response = client.post(CALL, json=REQUEST | {"context": {"patientId": "secret/4711"}})
    assert _outcome(response, 400)["expression"] == ["context.patientId"]
    assert b"secret" not in response.data
    assert adviser.asked == []


def _padded(size: int) -> bytes:
    body = json.dumps(REQUEST).encode()
    return body + b" " * (size - len(body))


def test_a_body_of_just_the_limit_is_taken_and_one_byte_more_is_not(client: FlaskClient) -> None:
    assert client.post(CALL, data=_padded(LIMIT), content_type="application/json").status_code == 200
    issue = _outcome(client.post(CALL, data=_padded(LIMIT + 1), content_type="application/json"), 413)
    assert (issue["code"], issue["diagnostics"]) == ("too-long", "The body is larger than 10000 bytes")


class _Drip(io.RawIOBase):
    """A body that comes a few bytes at a time, as from a server's input."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self._rest = body

    def read(self, size: int = -1) -> bytes:
        """At most seven bytes."""
        assert size >= 0, "a body must never be read without a bound"
        part, self._rest = self._rest[: min(size, 7)], self._rest[min(size, 7) :]
        return part


def _send(client: FlaskClient, body: io.RawIOBase, **parts: str) -> Response:
    environ = create_environ(CALL, method="POST", environ_overrides=parts)
    return _raw(client, environ | {"CONTENT_TYPE": "application/json", "wsgi.input": body})


@pytest.mark.parametrize("extra", [0, 1])
def test_a_chunked_body_is_counted_and_never_cut(client: FlaskClient, extra: int) -> None:
    response = _send(client, _Drip(_padded(LIMIT + extra)), HTTP_TRANSFER_ENCODING="chunked")
    assert response.status_code == (413 if extra else 200)


def test_a_body_shorter_than_announced_is_refused(client: FlaskClient, adviser: Echo) -> None:
    body = json.dumps(REQUEST).encode()
    issue = _outcome(_send(client, _Drip(body), CONTENT_LENGTH=str(len(body) + 1)), 400)
    assert (issue["code"], issue["diagnostics"]) == ("incomplete", "The body is shorter than its Content-Length")
    assert adviser.asked == []


def test_no_more_is_read_than_was_announced(client: FlaskClient) -> None:
    body = json.dumps(REQUEST).encode()
    assert _send(client, _Drip(body + b" GET / HTTP/1.1"), CONTENT_LENGTH=str(len(body))).status_code == 200


@pytest.mark.parametrize("length", ["+5", "-1", "5x", "\u0665", "9" * 30])
def test_a_content_length_that_is_no_number_is_refused(client: FlaskClient, length: str) -> None:
    assert _outcome(_send(client, _Drip(b"{}"), CONTENT_LENGTH=length), 400)["code"] == "invalid"


class _Broken(io.RawIOBase):
    def __init__(self, failure: Exception) -> None:
        super().__init__()
        self._failure = failure

    def read(self, size: int = -1) -> bytes:
        """Nothing."""
        raise self._failure


def test_a_body_that_comes_too_slowly_is_a_timeout(client: FlaskClient) -> None:
    assert _outcome(_send(client, _Broken(TimeoutError()), CONTENT_LENGTH="5"), 408)["code"] == "timeout"


def test_a_body_that_breaks_off_is_a_bad_request(client: FlaskClient) -> None:
    issue = _outcome(_send(client, _Broken(ValueError("bad chunk")), HTTP_TRANSFER_ENCODING="chunked"), 400)
    assert issue["diagnostics"] == "The body did not arrive whole"


def test_what_the_adviser_refuses_becomes_its_status(client: FlaskClient, adviser: Echo) -> None:
    adviser.failure = MissingData("conditions: not given", ["conditions"])
    assert _outcome(client.post(CALL, json=REQUEST), 412)["expression"] == ["prefetch.conditions"]
    adviser.failure = NotAllowed("A resource is not of the patient of this request")
    assert _outcome(client.post(CALL, json=REQUEST), 403)["code"] == "forbidden"


def test_a_bug_is_a_500_without_detail_and_its_log_line_holds_no_value(client: FlaskClient, adviser: Echo) -> None:
    adviser.failure = KeyError("patient-4711")
    structlog.reset_defaults()
    with capture_logs() as lines:
        response = client.post(CALL, json=REQUEST)
    assert _outcome(response, 500)["diagnostics"] == "The service failed; the request was not checked"
    assert b"KeyError" not in response.data
    (line,) = lines
    assert line["event"] == "failed"
    assert line["outcome"] == json.loads(response.data)["id"]
    assert (line["error"], line["service"]) == ("KeyError", "myositis-patient-view")
    assert line["hook_instance"] == REQUEST["hookInstance"]
    assert any(frame.startswith("test_web.py:") for frame in line["frames"])
    assert "4711" not in str(lines)


def test_a_resource_that_is_nested_too_deeply_is_a_bad_request_also_when_it_is_read_late(
    client: FlaskClient, adviser: Echo
) -> None:
    adviser.failure = RecursionError()
    assert _outcome(client.post(CALL, json=REQUEST), 400)["diagnostics"] == "The body is nested too deeply"


@pytest.mark.parametrize("depth", [1001, 100_000])
def test_a_deep_resource_in_prefetch_is_a_bad_request(depth: int) -> None:
    deep = '"prefetch": {"patient": ' + "[" * depth + "]" * depth + "}, "
    body = json.dumps(REQUEST).replace("{", "{" + deep, 1)
    response = (
        _app(Echo(), Origins(), limit=10_000_000).test_client().post(CALL, data=body, content_type="application/json")
    )
    assert _outcome(response, 400)["diagnostics"] == "The body is nested too deeply"


def test_a_refusal_is_logged_by_code_and_place_alone(client: FlaskClient) -> None:
    structlog.reset_defaults()
    with capture_logs() as lines:
        response = client.post(CALL, json=REQUEST | {"context": {"patientId": "secret/4711"}})
    assert lines == [
        {
            "event": "refused",
            "outcome": json.loads(response.data)["id"],
            "log_level": "info",
            "status": 400,
            "code": "value",
            "places": ("context.patientId",),
            "service": "myositis-patient-view",
            "hook_instance": "",
        }
    ]


def test_a_call_without_a_user_is_answered_and_logged(client: FlaskClient) -> None:
    """Clients from before version 1.0 name no user."""
    structlog.reset_defaults()
    with capture_logs() as lines:
        assert client.post(CALL, json=REQUEST | {"context": {"patientId": "patient-4711"}}).status_code == 200
    assert [(line["event"], line["what"]) for line in lines] == [("borne", "no userId")]
    assert "4711" not in str(lines)


def test_an_instance_that_could_forge_a_log_line_is_not_repeated(client: FlaskClient, adviser: Echo) -> None:
    adviser.failure = NotAllowed("x")
    structlog.reset_defaults()
    with capture_logs() as lines:
        client.post(CALL, json=REQUEST | {"hookInstance": '\r\n{"level":"error"}'})
    assert lines[0]["hook_instance"] == ""


ALLOWED = [PUBLIC_SANDBOX, "http://localhost:3000", "http://127.0.0.1", "https://localhost", "http://[::1]:8080"]
OTHERS = ["https://evil.example", "http://localhost.evil.example", "http://localhost:3000.evil.example", "null"]


@pytest.mark.parametrize("origin", ALLOWED)
@pytest.mark.parametrize("path", ["/cds-services", CALL])
def test_a_preflight_from_an_allowed_origin_needs_no_token(client: FlaskClient, origin: str, path: str) -> None:
    response = client.options(
        path,
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization, content-type",
        },
    )
    assert response.status_code == 204
    assert response.headers["Access-Control-Allow-Origin"] == origin
    assert response.headers["Access-Control-Allow-Methods"] == "GET, POST, OPTIONS"
    assert response.headers["Access-Control-Allow-Headers"] == "Authorization, Content-Type"
    assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [(CALL, REQUEST, 200), (CALL, {}, 400), ("/cds-services/other", REQUEST, 404), ("/elsewhere", REQUEST, 404)],
)
def test_every_answer_can_be_read_by_an_allowed_page(
    client: FlaskClient, path: str, body: dict[str, object], status: int
) -> None:
    response = client.post(path, json=body, headers={"Origin": PUBLIC_SANDBOX})
    assert response.status_code == status
    assert response.headers["Access-Control-Allow-Origin"] == PUBLIC_SANDBOX
    assert response.headers["Vary"] == "Origin"


def test_a_failure_can_be_read_by_an_allowed_page_too(client: FlaskClient, adviser: Echo) -> None:
    adviser.failure = ZeroDivisionError()
    response = client.post(CALL, json=REQUEST, headers={"Origin": PUBLIC_SANDBOX})
    assert response.status_code == 500
    assert response.headers["Access-Control-Allow-Origin"] == PUBLIC_SANDBOX


@pytest.mark.parametrize("origin", OTHERS)
def test_another_origin_gets_no_permission(client: FlaskClient, origin: str) -> None:
    for response in (
        client.options(CALL, headers={"Origin": origin, "Access-Control-Request-Method": "POST"}),
        client.post(CALL, json=REQUEST, headers={"Origin": origin}),
    ):
        assert [name for name, _ in response.headers if name.startswith("Access-Control")] == []


def test_without_an_origin_no_permission_is_spoken_of(client: FlaskClient) -> None:
    response = client.post(CALL, json=REQUEST)
    assert [name for name, _ in response.headers if name.startswith("Access-Control")] == []


def test_in_production_only_the_named_origins_may_call(adviser: Echo) -> None:
    client = _app(adviser, Origins(frozenset(("https://ehr.example.org",)))).test_client()
    for origin in [*ALLOWED, *OTHERS]:
        response = client.get("/cds-services", headers={"Origin": origin})
        assert "Access-Control-Allow-Origin" not in response.headers
    response = client.get("/cds-services", headers={"Origin": "https://ehr.example.org"})
    assert response.headers["Access-Control-Allow-Origin"] == "https://ehr.example.org"


def test_health_says_what_runs(client: FlaskClient) -> None:
    assert json.loads(client.get("/health/live").data) == {"status": "live"}
    assert json.loads(client.get("/health/ready").data) == {
        "status": "ready",
        "profile": "development",
        "knowledge": "0123abcd",
    }


def test_metrics_count_calls_by_service_and_status_without_any_id(client: FlaskClient) -> None:
    client.post(CALL, json=REQUEST)
    client.post(CALL, json=REQUEST)
    client.post(CALL, json={})
    client.post("/cds-services/patient-4711", json=REQUEST)
    page = client.get("/metrics").get_data(as_text=True)
    assert 'cds_requests_total{service="myositis-patient-view",status="200"} 2.0' in page
    assert 'cds_requests_total{service="myositis-patient-view",status="400"} 1.0' in page
    assert 'cds_request_seconds_count{service="myositis-patient-view"} 3.0' in page
    assert "4711" not in page


def test_findings_are_counted_by_rule_and_severity() -> None:
    metrics = Metrics()
    metrics.count_finding("MTX-05", "warning")
    assert 'cds_findings_total{rule="MTX-05",severity="warning"} 1.0' in metrics.page().decode()


def test_every_malformed_published_file_is_a_400_with_an_outcome(adviser: Echo) -> None:
    client = _app(adviser, Origins(), limit=16 * 1024 * 1024).test_client()
    for path in published("cds-malformed"):
        response = client.post(CALL, data=path.read_bytes(), content_type="application/json")
        assert _outcome(response, 400)["diagnostics"]
    assert adviser.asked == []


def test_no_published_file_is_ever_a_500(adviser: Echo) -> None:
    client = _app(adviser, Origins(), limit=16 * 1024 * 1024).test_client()
    statuses = {
        client.post(
            f"/cds-services/myositis-{hook}", data=path.read_bytes(), content_type="application/json"
        ).status_code
        for path in published("cds")
        for hook in HOOKS
    }
    assert statuses == {200, 400}
