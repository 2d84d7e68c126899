"""Faults of FHIR servers through the whole service: each ends in time, in a 412 or a card that says what was not checked.

The numbers are those of the list of faults. The servers are real ones on this machine; what a fault does to one read is
tested beside the readers (test_transport, test_fhir).
"""

from __future__ import annotations

import datetime as dt
import gzip
import io
import ipaddress
import json
import logging
import socket
import ssl
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cds_service.access.address import NotAllowedServer
from cds_service.access.fhir import FhirReader
from cds_service.access.networks import Networks
from cds_service.app import create_app
from cds_service.mapping.bundle import ABSENT
from cds_service.settings import Settings, SettingsError

from ..callers import EHR, PUBLIC, signing, write_clients
from ..ehr import (
    AS_OF,
    FOLIC_ACID,
    METHOTREXATE,
    MYOSITIS,
    Json,
    bundle,
    daily,
    draft,
    fired,
    issue,
    medication,
    order,
    record,
    referring,
    request,
    resource,
    unchecked,
    weekly,
    without,
)
from .servers import Answer, Server, answer, drip, http_server, raw_server, returns

TOKEN = "secret-token-4711"
MTX = draft(METHOTREXATE, "draft-1", weekly(15, "mon"))
CONDITIONS = bundle(MYOSITIS)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\n"
NAME = "ehr.example.org"


@cache
def service(deadline_s: float = 4.0, **changed: object) -> FlaskClient:
    """The service in development, so that servers of this machine may be read."""
    settings = Settings(as_of=AS_OF, log_level="error", deadline_s=deadline_s)
    return create_app(settings if not changed else with_settings(settings, **changed)).test_client()


def with_settings(settings: Settings, **changed: object) -> Settings:
    return Settings(**{**{name: getattr(settings, name) for name in settings.__struct_fields__}, **changed})


def call(client: FlaskClient, body: Json) -> TestResponse:
    return client.post(f"/cds-services/myositis-{body['hook']}", json=body)


def asking(server: str, lacking: str = "conditions", prefetch: Json | None = None) -> Json:
    """An order-sign request for which one list must be read from the server."""
    authorization = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 300}
    held = without(record() if prefetch is None else prefetch, lacking)
    return request("order-sign", held, [MTX], fhirServer=server, fhirAuthorization=authorization)


def refusal(server: Server | str, client: FlaskClient | None = None) -> str:
    """Why the required list could not be had; the answer holds neither token nor patient."""
    base = server if isinstance(server, str) else server.base
    response = returns(lambda: call(client or service(), asking(base)))
    told = issue(response, 412)
    assert told["expression"] == ["prefetch.conditions"]
    assert TOKEN not in response.text
    diagnostics: str = told["diagnostics"]
    prefix = "Required data could not be had: conditions: "
    assert diagnostics.startswith(prefix)
    return diagnostics.removeprefix(prefix)


def always(*reply: Answer) -> Callable[[Server, str], Answer]:
    """A server that gives these answers in turn, the last one again and again."""
    return lambda server, path: reply[min(len(server.seen), len(reply)) - 1]


def talks(text: bytes) -> Callable[[socket.socket, threading.Event], None]:
    def talk(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65536)
        connection.sendall(text)

    return talk


# 76: no connection


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port: int = closed.getsockname()[1]
    return port


def test_76_a_refused_connection_is_a_412_and_the_breaker_counts() -> None:
    base = f"http://127.0.0.1:{free_port()}/fhir"
    reasons = [refusal(base) for _ in range(6)]
    assert reasons == ["the FHIR server could not be reached"] * 5 + [
        "the FHIR server failed several requests and is left alone for a while"
    ]


def test_76_a_name_that_nobody_knows_is_a_412(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def unknown(host: object, *args: object, **kwargs: object) -> None:
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    client = service(fhir_servers=("https://nowhere.example.org/fhir",))
    assert refusal("https://nowhere.example.org/fhir", client) == "the FHIR server could not be reached"
    assert asked == ["nowhere.example.org"]


def test_76_a_name_server_that_never_answers_holds_nobody_beyond_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def silent(*args: object, **kwargs: object) -> None:
        over.wait(30)
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    base = "https://silent.example.org/fhir"
    client = create_client(fhir_servers=(base,), deadline_s=0.2)
    try:
        reasons = [refusal(base, client) for _ in range(6)]
    finally:
        over.set()
    assert reasons == ["the FHIR server did not answer in time"] * 5 + [
        "the FHIR server failed several requests and is left alone for a while"
    ]


def test_76_a_server_that_speaks_no_tls_is_a_412() -> None:
    with raw_server(talks(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "https") as server:
        reason = refusal(server, create_client(fhir_servers=(server.base,)))
    assert reason == "no trusted TLS connection to the FHIR server"
    assert len(server.seen) == 1


def create_client(**changed: object) -> FlaskClient:
    return create_app(with_settings(Settings(as_of=AS_OF, log_level="error"), **changed)).test_client()


def certificate(folder: Path, *, until: dt.timedelta) -> Path:
    """A certificate for this machine that is its own authority, valid for so long from now, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=2))
        .not_valid_after(now + until)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return file


def under_tls(file: Path, reply: Json) -> Callable[[socket.socket, threading.Event], None]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    body = json.dumps(reply).encode()

    def talk(connection: socket.socket, over: threading.Event) -> None:
        with context.wrap_socket(connection, server_side=True) as wrapped:
            wrapped.recv(65536)
            wrapped.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)

    return talk


def test_76_an_expired_certificate_is_a_412(tmp_path: Path) -> None:
    file = certificate(tmp_path, until=dt.timedelta(days=-1))
    with raw_server(under_tls(file, CONDITIONS), "https") as server:
        reason = refusal(server, create_client(fhir_servers=(server.base,), fhir_ca_file=str(file)))
    assert reason == "no trusted TLS connection to the FHIR server"
    assert len(server.seen) == 1


def test_76_an_authority_of_the_settings_is_trusted_and_no_other_unknown_one(tmp_path: Path) -> None:
    file = certificate(tmp_path, until=dt.timedelta(days=2))
    with raw_server(under_tls(file, CONDITIONS), "https") as server:
        trusting = create_client(fhir_servers=(server.base,), fhir_ca_file=str(file))
        assert fired(call(trusting, asking(server.base)), "MTX-05") == ["MTX-05 warning"]
        reason = refusal(server, create_client(fhir_servers=(server.base,)))
    assert reason == "no trusted TLS connection to the FHIR server"


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_of_authorities_that_is_none_stops_the_start(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "authorities.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(SettingsError, match=r"^CDS_FHIR_CA_FILE: not a readable PEM file of certificates$"):
        create_client(fhir_ca_file=str(file))


# 77: it never ends


def hang(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(65536)
    over.wait()


def drip_headers(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(65536)
    drip(connection, b"HTTP/1.1 200 OK\r\n" + b"X-Again: and again\r\n" * 1000, over)


def drip_body(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(65536)
    connection.sendall(HEAD + b"Content-Length: 100000\r\n\r\n")
    drip(connection, b" ", over)


@pytest.mark.parametrize("talk", [hang, drip_headers, drip_body])
def test_77_a_server_that_never_ends_is_cut_at_the_deadline(
    talk: Callable[[socket.socket, threading.Event], None],
) -> None:
    with raw_server(talk) as server:
        assert refusal(server, service(0.5)) == "the FHIR server did not answer in time"
    assert len(server.seen) == 1


def test_77_lists_and_medications_have_one_deadline_together() -> None:
    """The list comes with half of the time gone; the search for its medication is cut at the end of the same time."""
    cut = threading.Event()

    def reply(server: Server, path: str) -> Answer:
        if path.startswith("/fhir/Medication?"):
            cut.wait(30)
        return answer(bundle(referring(order(METHOTREXATE), "Medication/m")))

    with http_server(reply) as server:
        before = time.monotonic()
        client = service(1.0)
        response = returns(lambda: call(client, asking(server.base, "medicationRequests")))
        assert time.monotonic() - before < 15  # a watchdog, not a measurement
        cut.set()
    assert [path.partition("?")[0] for path in server.paths] == ["/fhir/MedicationRequest", "/fhir/Medication"]
    assert any("what is taken" in each or "could not be read" in each for each in unchecked(response))


# 78 to 81: statuses


@pytest.mark.parametrize("status", [401, 403])
def test_78_a_token_that_is_refused_is_a_412_after_one_try(status: int) -> None:
    with http_server(always(answer({}, status))) as server:
        assert refusal(server) == f"the FHIR server answered with status {status}"
    assert len(server.seen) == 1
    assert server.seen[0][1]["Authorization"] == f"Bearer {TOKEN}"


@contextmanager
def written() -> Iterator[io.StringIO]:
    """All that is logged meanwhile, by us and by every library, at the lowest level."""
    paper, stderr = io.StringIO(), sys.stderr
    listening = logging.StreamHandler(paper)
    root = logging.getLogger()
    level = root.level
    root.addHandler(listening)
    root.setLevel(logging.DEBUG)
    sys.stderr = paper
    try:
        yield paper
    finally:
        sys.stderr = stderr
        root.setLevel(level)
        root.removeHandler(listening)
        create_client()  # which logs to the usual place again


@pytest.mark.parametrize("status", [200, 302, 401, 500])
def test_78_nothing_that_is_written_holds_the_token_or_the_patient(status: int) -> None:
    """Not even the complaint of a library about a header."""
    secret = "wilma-weeklydose"
    own = {"subject": {"reference": f"Patient/{secret}"}}
    prefetch = record({**MYOSITIS, **own}, patient={"resourceType": "Patient", "id": secret})
    body = {**asking("", prefetch=prefetch), "context": {"patientId": secret, "draftOrders": bundle({**MTX, **own})}}
    text = b"HTTP/1.1 %d X\r\nbad header line\r\nContent-Length: 2\r\n\r\n{}" % status
    with written() as paper, raw_server(talks(text)) as server:
        client = create_client(log_level="debug")
        response = call(client, {**body, "fhirServer": server.base})
    issue(response, 412)
    told = paper.getvalue()
    assert '"status": 412' in told  # the log was on
    for place in (told, response.text, client.get("/metrics").text):
        assert TOKEN not in place
        assert secret not in place


def test_79_a_patient_that_the_server_does_not_have_is_a_412() -> None:
    with http_server(always(answer({}, 404))) as server:
        told = issue(call(service(), asking(server.base, "patient")), 412)
    assert told["expression"] == ["prefetch.patient"]
    assert told["diagnostics"] == ("Required data could not be had: patient: the FHIR server answered with status 404")
    assert len(server.seen) == 1


def test_79_a_medication_that_the_server_does_not_have_is_not_resolved_and_said() -> None:
    body = asking("", "nothing")
    body["context"]["draftOrders"] = bundle(referring(MTX, "Medication/gone"))
    with http_server(always(answer({}, 404))) as server:
        response = call(service(), {**body, "fhirServer": server.base})
    assert "GEN-03: what is ordered (draftOrders.entry[0])" in unchecked(response)
    # a search that is refused is made once more as a read by its id
    assert server.paths == ["/fhir/Medication?_id=gone&_count=50", "/fhir/Medication/gone"]


def test_80_too_many_requests_is_tried_once_more_where_the_wait_fits() -> None:
    with http_server(always(answer({}, 429, Retry_After="1"), answer(CONDITIONS))) as server:
        assert fired(call(service(), asking(server.base)), "MTX-05") == ["MTX-05 warning"]
    assert len(server.seen) == 2


def test_80_a_wait_that_does_not_fit_is_a_412_at_once_and_opens_the_breaker() -> None:
    with http_server(always(answer({}, 429, Retry_After="3600"))) as server:
        assert refusal(server) == "the FHIR server answered with status 429"
        assert refusal(server) == "the FHIR server failed several requests and is left alone for a while"
    assert len(server.seen) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_81_a_server_error_is_tried_once_more_and_then_a_412(status: int) -> None:
    with http_server(always(answer({}, status))) as server:
        assert refusal(server) == f"the FHIR server answered with status {status}"
        assert len(server.seen) == 2
    with http_server(always(answer({}, status), answer(CONDITIONS))) as server:
        assert fired(call(service(), asking(server.base)), "MTX-05") == ["MTX-05 warning"]


# 82 and 83: a 200 that is none


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html>Tomcat</html>", "the FHIR server sent no JSON object"),
        (b'<?xml version="1.0"?><Bundle xmlns="http://hl7.org/fhir"/>', "the FHIR server sent no JSON object"),
        (b"", "the FHIR server sent no JSON object"),
        (json.dumps(CONDITIONS).encode()[:-3], "the FHIR server sent no JSON object"),
        (b"[]", "the FHIR server sent no JSON object"),
        (b"{}", "the FHIR server sent no FHIR resource"),
    ],
)
def test_82_a_200_with_something_else_is_a_412(body: bytes, reason: str) -> None:
    with http_server(always((200, {"Content-Type": "text/html"}, body))) as server:
        assert refusal(server) == reason


def test_82_a_body_of_another_length_than_stated_is_a_412() -> None:
    body = json.dumps(CONDITIONS).encode()
    with raw_server(talks(HEAD + b"Content-Length: %d\r\n\r\n" % (len(body) + 10) + body)) as server:
        assert refusal(server) == "the FHIR server broke the connection"
    with raw_server(talks(HEAD + b"Content-Length: %d\r\n\r\n" % (len(body) - 10) + body)) as server:
        assert refusal(server) == "the FHIR server sent no JSON object"


OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}


def test_83_an_outcome_instead_of_a_bundle_is_a_412() -> None:
    with http_server(always(answer(OUTCOME))) as server:
        assert refusal(server) == "the FHIR server sent an OperationOutcome instead of the data"


def test_83_a_result_with_an_error_among_its_entries_is_incomplete() -> None:
    part = bundle(MYOSITIS, {"resource": OUTCOME, "search": {"mode": "outcome"}})
    with http_server(always(answer(part))) as server:
        assert refusal(server) == "the FHIR server sent a Bundle with an OperationOutcome that reports an error"
    statements = bundle({"resource": OUTCOME, "search": {"mode": "outcome"}})
    with http_server(always(answer(statements))) as server:
        response = call(service(), asking(server.base, "medicationStatements"))
    assert unchecked(response, "MTX-05") == ["MTX-05: medication statements"]


# 84 to 86: where it leads


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_84_a_redirect_is_not_followed_and_no_token_is_seen_at_its_target(status: int) -> None:
    with http_server(always(answer(CONDITIONS))) as target:
        with http_server(always(answer({}, status, Location=f"{target.base}/Condition"))) as server:
            assert refusal(server) == "the FHIR server answered with a redirect, which is not followed"
        assert (len(server.seen), target.seen) == (1, [])


@pytest.mark.parametrize(
    "location", ["/fhir/Condition?patient=p1&_count=200", "http://169.254.169.254/latest/meta-data"]
)
def test_84_a_redirect_to_itself_or_to_a_metadata_service_is_not_followed(location: str) -> None:
    with http_server(always(answer({}, 302, Location=location))) as server:
        assert refusal(server) == "the FHIR server answered with a redirect, which is not followed"
    assert len(server.seen) == 1


def paged(link: str) -> Json:
    return bundle(MYOSITIS, link=[{"relation": "next", "url": link}])


@pytest.mark.parametrize(
    "link",
    [
        "http://ehr.example.org/fhir?page=2",
        "https://HOST/fhir?page=2",
        "http://127.0.0.1:1/fhir?page=2",
        "http://user@HOST/fhir?page=2",
        "http://HOST:443:443/fhir?page=2",
        "http://HOST/other?page=2",
        "//ehr.example.org/fhir?page=2",
        "../other?page=2",
        "file:///etc/passwd",
    ],
)
def test_85_a_next_link_that_leaves_the_server_makes_the_list_incomplete(link: str) -> None:
    def reply(server: Server, path: str) -> Answer:
        return answer(paged(link.replace("HOST", server.base.removeprefix("http://").removesuffix("/fhir"))))

    with http_server(reply) as server:
        assert refusal(server) == "the FHIR server's next page lies outside of it"
    assert len(server.seen) == 1


@pytest.mark.parametrize("link", ["?page=2", "Condition?page=2", "BASE?page=2", "BASE/Condition?page=2"])
def test_85_a_next_link_of_the_server_is_followed_also_where_it_is_relative(link: str) -> None:
    def reply(server: Server, path: str) -> Answer:
        return answer(paged(link.replace("BASE", server.base)) if "page=2" not in path else bundle())

    with http_server(reply) as server:
        assert fired(call(service(), asking(server.base)), "MTX-05") == ["MTX-05 warning"]
    assert len(server.seen) == 2


def test_86_pages_without_end_are_read_to_the_cap_and_the_same_page_once() -> None:
    def endless(server: Server, path: str) -> Answer:
        return answer(bundle(link=[{"relation": "next", "url": f"{server.base}?page={len(server.seen)}"}]))

    with http_server(endless) as server:
        assert refusal(server, service(page_cap=10)) == "the FHIR server has more than is read for one request"
    assert len(server.seen) == 10
    with http_server(lambda server, path: answer(paged(f"{server.base}?page=2"))) as server:
        assert refusal(server) == "the FHIR server's pages lead in a circle"
    assert len(server.seen) == 2


# 87: compression


def test_87_a_gzip_bomb_is_not_opened() -> None:
    """200 MB of blanks are 200 kB on the wire; not even a quarter of them is ever in memory."""
    bomb = gzip.compress(b" " * 200_000_000, 1)
    with http_server(always((200, {"Content-Encoding": "gzip"}, bomb))) as server:
        tracemalloc.start()
        try:
            reason = refusal(server, service(20.0))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert reason == "the FHIR server sent more than is read for one request"
    assert peak < 100_000_000


@pytest.mark.parametrize(
    ("encoding", "body", "reason"),
    [
        (
            "gzip, gzip",
            gzip.compress(gzip.compress(b"{}")),
            "the FHIR server sent a compression that was not asked for",
        ),
        ("br", b"x", "the FHIR server sent a compression that was not asked for"),
        ("x-unknown", b"{}", "the FHIR server sent a compression that was not asked for"),
        ("gzip", gzip.compress(gzip.compress(b"{}")), "the FHIR server sent no JSON object"),
        ("gzip", b"{}", "the FHIR server sent what could not be read"),
    ],
)
def test_87_a_compression_that_was_not_asked_for_is_a_412(encoding: str, body: bytes, reason: str) -> None:
    with http_server(always((200, {"Content-Encoding": encoding}, body))) as server:
        assert refusal(server) == reason


# 88 and 89: whose, and what beside


@pytest.mark.parametrize(
    "other",
    [
        {**MYOSITIS, "id": "c2", "subject": {"reference": "Patient/somebody-else"}},
        {**MYOSITIS, "id": "c2", "subject": {"reference": "BASE/Patient/somebody-else"}},
        {"resourceType": "Patient", "id": "somebody-else"},
    ],
)
def test_88_another_patients_resource_from_the_server_ends_the_request(other: Json) -> None:
    def reply(server: Server, path: str) -> Answer:
        return answer(json.loads(json.dumps(bundle(MYOSITIS, other)).replace("BASE", server.base)))

    with http_server(reply) as server:
        response = call(service(), asking(server.base))
    told = issue(response, 403)
    assert told["diagnostics"] == "A resource is not of the patient of this request"
    assert told["expression"] == ["prefetch.conditions.entry[1]"]
    assert "somebody-else" not in response.text


def test_88_the_patient_that_is_read_must_be_the_one_that_was_asked_for() -> None:
    with http_server(always(answer({"resourceType": "Patient", "id": "somebody-else"}))) as server:
        assert issue(call(service(), asking(server.base, "patient")), 403)["expression"] == [
            "prefetch.patient.entry[0]"
        ]


def test_89_what_a_search_includes_is_not_counted_and_what_it_remarks_is_no_data() -> None:
    folate = order(FOLIC_ACID, "m2", daily(5))
    remark = {"resourceType": "OperationOutcome", "issue": [{"severity": "information", "code": "informational"}]}
    found = bundle(
        {"resource": referring(folate, "Medication/f"), "search": {"mode": "match"}},
        {"resource": medication("f", FOLIC_ACID), "search": {"mode": "include"}},
        {"resource": {"resourceType": "Practitioner", "id": "x"}, "search": {"mode": "include"}},
        {"resource": remark, "search": {"mode": "outcome"}},
        total=1,
    )
    with http_server(always(answer(found))) as server:
        response = call(service(), asking(server.base, "medicationRequests"))
    assert (fired(response, "MTX-05"), unchecked(response, "MTX-05", "GEN-03")) == ([], [])
    assert len(server.seen) == 1
    with http_server(always(answer({**found, "total": 2}))) as server:
        told = issue(call(service(), asking(server.base, "medicationRequests")), 412)
    assert told["diagnostics"].endswith("the FHIR server sent a Bundle with fewer entries than its total")


# 90: addresses


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """A service in production, called by a client with one FHIR server."""
    folder = tmp_path_factory.mktemp("production")
    settings = Settings(
        profile="production",
        public_url=PUBLIC,
        clients_file=str(write_clients(folder, ehr={"issuer": EHR, "fhir_servers": [EHR]})),
        replay_file=str(folder / "used-tokens.db"),
        card_key="a key for the tests",
        log_level="error",
    )
    return signing(create_app(settings).test_client())


@pytest.mark.parametrize(
    "address",
    [
        "http://localhost:8080/fhir",
        "http://127.0.0.1/fhir",
        "http://10.0.0.1/fhir",
        "http://192.168.0.1/fhir",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/fhir",
        "http://[::ffff:127.0.0.1]/fhir",
        "http://2130706433/fhir",
        "http://0x7f000001/fhir",
        "http://ehr.example.org/fhir",
        "https://ehr.example.org@evil.example/fhir",
        "https://ehr.example.org.evil.example/fhir",
        "https://ehr.example.org:8443/fhir",
        "https://ehr.example.org/fhir2",
        "https://\u0435hr.example.org/fhir",
    ],
)
def test_90_a_server_that_is_not_listed_is_a_403_before_any_packet(
    address: str, production: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def resolve(host: object, *args: object, **kwargs: object) -> list[object]:
        asked.append(host)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    told = issue(call(production, asking(address)), 403)
    assert told["expression"] == ["fhirServer"]
    assert asked == []
    assert call(production, asking(address, "nothing")).status_code == 200  # all is in prefetch: it is judged


@pytest.mark.parametrize("address", ["file:///etc/passwd", "gopher://ehr.example.org", "ehr.example.org", "http://"])
def test_90_what_is_no_address_is_a_400(address: str, production: FlaskClient) -> None:
    assert issue(call(production, asking(address)), 400)["expression"] == ["fhirServer"]
    assert call(production, asking(address, "nothing")).status_code == 200


def leading_to(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[object]:
    """A name server that gives these addresses in turn, the last one again and again; the names that were asked for."""
    asked: list[object] = []

    def resolve(host: object, port: object, *args: object, **kwargs: object) -> list[object]:
        asked.append(host)
        address = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


@pytest.mark.parametrize("address", ["169.254.169.254", "10.0.0.1", "127.0.0.1", "0.0.0.0"])
def test_90_a_listed_name_that_leads_inside_is_a_403(
    address: str, production: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    leading_to(monkeypatch, address)
    monkeypatch.setattr(socket.socket, "connect", lambda *args: pytest.fail("a packet was sent"))
    told = issue(call(production, asking("https://ehr.example.org/fhir")), 403)
    assert told["expression"] == ["fhirServer"]
    assert told["diagnostics"] == "The name of this FHIR server leads to a network that is not listed"
    optional = call(production, asking("https://ehr.example.org/fhir", "medicationStatements"))
    assert unchecked(optional, "MTX-05") == ["MTX-05: medication statements"]


@pytest.fixture
def local_reader() -> Iterator[FhirReader]:
    """A reader whose servers may lie at this one address."""
    reader = FhirReader(networks=Networks(["127.0.0.1/32"]))
    yield reader
    reader.close()


def read_conditions(reader: FhirReader, port: int) -> str:
    listings = reader.complete(
        f"http://{NAME}:{port}/fhir",
        TOKEN,
        {"conditions": ABSENT},
        {"conditions": "Condition?patient=p1"},
        deadline=time.monotonic() + 20,
    )
    return listings["conditions"].state


def test_90_the_address_that_was_looked_at_is_the_one_that_is_read(
    local_reader: FhirReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is asked for once: a second answer, were it asked for, would lead elsewhere."""
    with http_server(always(answer(CONDITIONS))) as server:
        port = int(server.base.rpartition(":")[2].removesuffix("/fhir"))
        asked = leading_to(monkeypatch, "127.0.0.1", "169.254.169.254")
        assert read_conditions(local_reader, port) == "resources"
        assert asked == [NAME]
        assert server.seen[0][1]["Host"] == f"{NAME}:{port}"


def test_90_a_name_that_turns_to_another_address_is_not_followed(
    local_reader: FhirReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    with http_server(always((200, {"Connection": "close"}, json.dumps(CONDITIONS).encode()))) as server:
        port = int(server.base.rpartition(":")[2].removesuffix("/fhir"))
        asked = leading_to(monkeypatch, "127.0.0.1", "127.0.0.2")
        assert read_conditions(local_reader, port) == "resources"
        with pytest.raises(NotAllowedServer):
            read_conditions(local_reader, port)
    assert len(asked) == 2
    assert len(server.seen) == 1


# 91: slow but right


def test_91_a_slow_server_holds_up_nobody_who_reads_nothing() -> None:
    """Of eight threads four may wait for servers, and three for one of them; the others are told at once to come again.

    The deadline is far away: who waited for a place would wait for the end of this test, in a thread.
    """
    go_on = threading.Event()
    client = create_client(threads=8, deadline_s=60.0)

    def reply(server: Server, path: str) -> Answer:
        go_on.wait(30)
        return answer(CONDITIONS)

    with http_server(reply) as server, ThreadPoolExecutor(20) as many:
        waiting = [many.submit(lambda: call(client, asking(server.base))) for _ in range(20)]
        watchdog = time.monotonic() + 20
        while sum(each.done() for each in waiting) < 17 and time.monotonic() < watchdog:
            time.sleep(0.01)
        told = [each.result() for each in waiting if each.done()]
        assert len(told) == 17
        assert fired(call(client, asking(server.base, "nothing")), "MTX-05") == ["MTX-05 warning"]
        go_on.set()
        answered = [each.result(timeout=30) for each in waiting]
    assert {response.status_code for response in told} == {503}
    assert {response.headers["Retry-After"] for response in told} == {"1"}
    assert issue(told[0], 503)["code"] == "transient"
    good = [response for response in answered if response.status_code == 200]
    assert len(good) == 3
    assert all(fired(response, "MTX-05") == ["MTX-05 warning"] for response in good)


def test_91_where_every_place_is_taken_a_request_to_another_server_is_told_at_once_as_well() -> None:
    go_on = threading.Event()
    client = create_client(threads=2, deadline_s=60.0)  # one place in all

    def reply(server: Server, path: str) -> Answer:
        go_on.wait(30)
        return answer(CONDITIONS)

    with http_server(reply) as slow, http_server(always(answer(CONDITIONS))) as quick, ThreadPoolExecutor(2) as two:
        held = two.submit(lambda: call(client, asking(slow.base)))
        while not slow.seen:
            time.sleep(0.01)
        told = two.submit(lambda: call(client, asking(quick.base))).result(timeout=20)
        go_on.set()
        assert issue(told, 503)["diagnostics"] == "Too many requests wait for FHIR servers"
        assert fired(held.result(timeout=30), "MTX-05") == ["MTX-05 warning"]
    assert quick.seen == []


# Another version of FHIR, from a server


def test_a_server_of_another_version_is_a_412_that_names_it() -> None:
    old = {**MYOSITIS, "clinicalStatus": "active"}
    with http_server(always(answer(bundle(old)))) as server:
        assert refusal(server) == "of FHIR STU3, and this service reads FHIR R4"


def test_an_optional_list_of_another_version_is_not_had_and_said() -> None:
    old = resource("MedicationStatement", "s", status="active", taken="y", medicationCodeableConcept=FOLIC_ACID)
    with http_server(always(answer(bundle(old)))) as server:
        response = call(service(), asking(server.base, "medicationStatements"))
    assert fired(response, "MTX-05") == ["MTX-05 warning"]
    assert "MTX-05: medication statements" in unchecked(response)
