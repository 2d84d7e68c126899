"""Who may call, end to end: forged tokens through HTTP, several workers, FHIR servers of other clients, nothing told."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cds_service.access import keys
from cds_service.app import create_app
from cds_service.settings import Settings, SettingsError

from .access.servers import Answer, Server, answer, bundle, http_server
from .callers import DISCOVERY, EHR, PUBLIC, VIEW, bearer, elliptic, rsa, write_clients, write_keys
from .ehr import AS_OF, METHOTREXATE, PATIENT, cards, draft, issue, record, request, weekly, without
from .forgeries import JKU, SIGNERS, forgeries

SIGN = "/cds-services/myositis-order-sign"
FEEDBACK = f"{VIEW}/feedback"
SANDBOX = "https://sandbox.cds-hooks.org"
OTHER = "https://other.example.org/fhir"
NOT_PROVED = {"severity": "error", "code": "login", "diagnostics": "The caller did not prove who it is"}
BODY = json.dumps(request("patient-view")).encode()


def production(folder: Path, **settings: Any) -> FlaskClient:
    """A service in production that knows two clients, each with a FHIR server of its own."""
    write_keys(folder / "all.json", *SIGNERS)
    clients = write_clients(
        folder,
        ehr={"issuer": EHR, "jku": JKU, "jwks_file": "all.json", "fhir_servers": [EHR]},
        other={"issuer": OTHER, "jwks_file": "all.json", "fhir_servers": [OTHER]},
    )
    told = {
        "profile": "production",
        "public_url": PUBLIC,
        "clients_file": str(clients),
        "card_key": "a secret of the tests alone",
        **settings,
    }
    return create_app(Settings(**told)).test_client()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """The service in production."""
    return production(tmp_path_factory.mktemp("service"), log_level="error")


def call(client: FlaskClient, authorization: str | None, path: str = VIEW, body: bytes = BODY) -> TestResponse:
    """A call with this Authorization header, if any."""
    headers = {} if authorization is None else {"Authorization": authorization}
    if path == DISCOVERY:
        return client.get(path, headers=headers)
    return client.post(path, headers=headers, data=body, content_type="application/json")


def refused(response: TestResponse) -> bool:
    """Whether it is a 401 that says nothing more than that."""
    return (
        response.status_code == 401
        and response.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
        and issue(response, 401) == NOT_PROVED
    )


# The attacks


def test_a_client_that_shows_who_it_is_is_answered(service: FlaskClient) -> None:
    assert call(service, bearer(DISCOVERY), DISCOVERY).status_code == 200
    assert cards(call(service, bearer(VIEW))) == []
    assert cards(call(service, bearer(VIEW, rsa()))) == []
    assert cards(call(service, bearer(VIEW, aud=["urn:else", PUBLIC + VIEW]))) == []
    assert cards(call(service, bearer(VIEW, iss=OTHER))) == []


@pytest.mark.parametrize("name", forgeries(int(time.time())))
def test_a_forged_token_is_answered_with_401_and_nothing_more(service: FlaskClient, name: str) -> None:
    _, token = forgeries(int(time.time()))[name]
    assert refused(call(service, f"Bearer {token}"))


@pytest.mark.parametrize("path", [DISCOVERY, VIEW, SIGN, "/cds-services/unknown"])
def test_no_endpoint_of_the_services_answers_without_a_token(service: FlaskClient, path: str) -> None:
    assert refused(call(service, None, path))
    assert refused(call(service, "Bearer 00D5w-opaque-access-token-of-the-fhir-server", path))


def test_whatever_is_not_named_as_open_asks_for_a_token(service: FlaskClient) -> None:
    adapter = service.application.url_map.bind("cds.example.org")
    open_ones = set()
    for rule in service.application.url_map.iter_rules():
        path = adapter.build(rule.endpoint, dict.fromkeys(rule.arguments, "x"), force_external=False)
        for method in (rule.methods or set()) - {"OPTIONS"}:
            if service.open(path, method=method).status_code != 401:
                open_ones.add(path)
    assert open_ones == {"/health/live", "/health/ready", "/metrics"}


def test_a_forged_body_is_not_even_read(service: FlaskClient) -> None:
    assert refused(call(service, None, VIEW, b"{" * 100_000))


def test_a_token_elsewhere_than_in_the_header_is_none(service: FlaskClient) -> None:
    token = bearer(VIEW).removeprefix("Bearer ")
    for name in ("access_token", "token", "jwt", "Authorization"):
        service.set_cookie(name, token, domain="localhost")
        assert refused(call(service, None, f"{VIEW}?{name}={token}"))
        service.delete_cookie(name, domain="localhost")
    form = {"Authorization": "Basic dTpw", "X-Authorization": f"Bearer {token}", "Proxy-Authorization": token}
    assert refused(service.post(VIEW, headers=form, data=BODY, content_type="application/json"))
    # It was good all the time.
    assert call(service, f"Bearer {token}").status_code == 200


def test_the_token_of_one_endpoint_opens_no_other(service: FlaskClient) -> None:
    for path in (DISCOVERY, SIGN, "/cds-services/myositis-patient-vie"):
        assert refused(call(service, bearer(path)))
    assert refused(call(service, bearer(VIEW), DISCOVERY))


def test_the_audience_is_the_configured_address_whatever_the_request_says(service: FlaskClient) -> None:
    spoofed = {"Host": "evil.example.org", "X-Forwarded-Host": "evil.example.org", "X-Forwarded-Proto": "http"}
    forged = {"Authorization": bearer(VIEW, aud=f"https://evil.example.org{VIEW}"), **spoofed}
    good = {"Authorization": bearer(VIEW), **spoofed}
    assert refused(service.post(VIEW, headers=forged, data=BODY, content_type="application/json"))
    assert service.post(VIEW, headers=good, data=BODY, content_type="application/json").status_code == 200


def test_a_token_is_good_once_on_any_endpoint(service: FlaskClient) -> None:
    token = bearer(VIEW, jti="once")
    assert call(service, token).status_code == 200
    assert refused(call(service, token))
    assert refused(call(service, bearer(DISCOVERY, jti="once"), DISCOVERY))
    # The ids of another client's tokens are its own.
    assert call(service, bearer(VIEW, iss=OTHER, jti="once")).status_code == 200


def test_feedback_may_be_addressed_to_its_own_address_or_to_its_service(tmp_path: Path) -> None:
    service = production(tmp_path, log_level="error")
    if not _has_feedback(service):
        service.application.add_url_rule(
            "/cds-services/<service_id>/feedback", "feedback", lambda service_id: "taken", methods=["POST"]
        )
    for audience in (FEEDBACK, VIEW):
        assert call(service, bearer(audience), FEEDBACK).status_code != 401
    assert refused(call(service, bearer(SIGN), FEEDBACK))
    assert refused(call(service, bearer(FEEDBACK), VIEW))


def _has_feedback(service: FlaskClient) -> bool:
    return any(rule.rule.endswith("/feedback") for rule in service.application.url_map.iter_rules())


# Browsers and probes


def test_a_preflight_needs_no_token_and_a_401_can_be_read_by_its_page(tmp_path: Path) -> None:
    service = production(tmp_path, cors_origins=(SANDBOX,), log_level="error")
    for path in (DISCOVERY, VIEW):
        preflight = service.options(path, headers={"Origin": SANDBOX, "Access-Control-Request-Method": "POST"})
        assert preflight.status_code == 204
        assert preflight.headers["Access-Control-Allow-Headers"] == "Authorization, Content-Type"
    unproved = service.post(VIEW, headers={"Origin": SANDBOX}, data=BODY, content_type="application/json")
    assert refused(unproved)
    assert unproved.headers["Access-Control-Allow-Origin"] == SANDBOX
    elsewhere = service.post(VIEW, headers={"Origin": "https://evil.example.org"}, data=BODY)
    assert refused(elsewhere)
    assert "Access-Control-Allow-Origin" not in elsewhere.headers


def test_discovery_may_be_left_open_and_then_minds_no_header(tmp_path: Path) -> None:
    service = production(tmp_path, open_discovery=True, log_level="error")
    for authorization in (None, "Bearer nonsense", bearer(DISCOVERY)):
        assert call(service, authorization, DISCOVERY).status_code == 200
    assert refused(call(service, None))
    assert refused(call(service, bearer(DISCOVERY)))


def test_health_and_metrics_need_no_token(service: FlaskClient) -> None:
    assert service.get("/health/live").status_code == 200
    assert service.get("/health/ready").get_json()["callers"] == "verified"
    assert service.get("/metrics").status_code == 200


# What is told


def test_no_token_and_no_patient_is_in_logs_metrics_or_bodies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service = production(tmp_path, log_level="debug")
    forged = {name: f"Bearer {token}" for name, (_, token) in forgeries(int(time.time())).items()}
    good = bearer(VIEW)
    sent = [*forged.values(), good, good, bearer(DISCOVERY), "Bearer 00D5w-opaque-token", "Basic c2VjcmV0OnNlY3JldA=="]
    told = [call(service, each).get_data(as_text=True) for each in sent]
    told.append(call(service, bearer(VIEW), VIEW, BODY.replace(b'"hook":', b'"hook" ')).get_data(as_text=True))
    told.append(service.get("/metrics").get_data(as_text=True))
    log = capsys.readouterr().err
    told.append(log)
    everything = "\n".join(told)
    parts = {part for each in sent for part in each.partition(" ")[2].split(".") if len(part) > 8}
    assert [part for part in parts if part in everything] == []
    assert f"Patient/{PATIENT}" not in everything
    for stranger in ("evil.example.org", "../../dev/null", "xxxx"):
        assert stranger not in everything
    # The log does say which kind of refusal it was, and the metrics how many of each.
    lines = [json.loads(line) for line in log.splitlines()]
    logged = [line["reason"] for line in lines if line["event"] == "caller not verified"]
    expected = [reason for reason, _ in forgeries(0).values()]
    assert logged == [*expected, "replayed", "audience", "malformed", "malformed"]
    assert f'cds_refused_tokens_total{{reason="life"}} {expected.count("life")}.0' in everything


def test_when_used_tokens_cannot_be_remembered_nobody_is_let_through(tmp_path: Path) -> None:
    file = tmp_path / "used.sqlite3"
    service = production(
        tmp_path,
        replay_file=str(file),
        database_url=f"sqlite:///{tmp_path / 'feedback.db'}",
        log_level="error",
    )
    file.unlink()
    unable = call(service, bearer(VIEW))
    assert issue(unable, 503) == {
        "severity": "fatal",
        "code": "transient",
        "diagnostics": "The caller cannot be verified now",
    }
    assert unable.headers["Retry-After"] == "10"
    assert service.get("/health/live").status_code == 200
    ready = service.get("/health/ready")
    assert ready.status_code == 503
    assert (ready.get_json()["status"], ready.get_json()["usedTokens"]) == ("not ready", "OperationalError")


# Starting


def test_production_does_not_start_without_clients() -> None:
    with pytest.raises(SettingsError, match=r"^CDS_CLIENTS_FILE: the production profile needs it$"):
        create_app(Settings(profile="production", public_url=PUBLIC, card_key="a secret of the tests alone"))


def test_production_does_not_start_where_used_tokens_cannot_be_remembered(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^CDS_REPLAY_FILE: cannot be used \(FileNotFoundError\)$"):
        production(tmp_path, replay_file=str(tmp_path / "nowhere" / "used.sqlite3"))


def test_used_tokens_are_remembered_among_the_files_of_whoever_runs_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    token = bearer(VIEW)
    assert call(production(tmp_path, log_level="error"), token).status_code == 200
    assert (tmp_path / "cds-service" / "used-tokens.db").is_file()
    # A service that starts again knows them.
    assert refused(call(production(tmp_path, log_level="error"), token))
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    with pytest.raises(SettingsError, match=r"^CDS_REPLAY_FILE: cannot be used \(NotADirectoryError\)$"):
        production(tmp_path)


def test_development_asks_nobody_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    client = create_app(Settings(as_of=AS_OF)).test_client()
    for authorization in (None, "Bearer nonsense", bearer(VIEW, iss="https://evil.example.org"), "Basic dTpw"):
        assert call(client, authorization).status_code == 200
    warning = "NOT VERIFIED: nobody is asked who calls, an Authorization header is ignored; for development alone"
    assert client.get("/health/ready").get_json()["callers"] == warning
    logged = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["level"] for line in logged if line["event"] == warning] == ["warning"]


# Keys that a client publishes


class Publisher:
    """The key server of a client."""

    def __init__(self) -> None:
        self.says: Answer = (503, {}, b"")

    def reply(self, server: Server, path: str) -> Answer:
        """What it says now."""
        return self.says


def test_keys_may_be_down_at_the_start_come_later_rotate_and_go_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "COOLDOWN_S", 0.0)
    publisher = Publisher()
    with http_server(publisher.reply) as server:
        url = f"{server.base}/jwks.json"
        clients = write_clients(tmp_path, ehr={"issuer": EHR, "jwks_url": url}, other={"issuer": OTHER})
        service = create_app(
            Settings(public_url=PUBLIC, clients_file=str(clients), as_of=AS_OF, log_level="error")
        ).test_client()
        # Down at the start: that client is put off, another is not.
        assert call(service, bearer(VIEW)).status_code == 503
        assert call(service, bearer(VIEW, iss=OTHER)).status_code == 200
        publisher.says = answer({"keys": [elliptic().jwk]})
        assert call(service, bearer(VIEW)).status_code == 200
        # A new key: the first call works. The old one is no longer the client's.
        publisher.says = answer({"keys": [elliptic("ec-2").jwk]})
        assert call(service, bearer(VIEW, elliptic("ec-2"))).status_code == 200
        assert refused(call(service, bearer(VIEW)))
    # Down for good: what was had last counts on.
    assert call(service, bearer(VIEW, elliptic("ec-2"))).status_code == 200
    assert refused(call(service, bearer(VIEW)))


# FHIR servers and what else belongs to one client


def _fhir(server: Server, path: str) -> Answer:
    if path.startswith("/fhir/Patient/"):
        return answer({"resourceType": "Patient", "id": PATIENT, "birthDate": "1968-03-14", "gender": "female"})
    return answer(bundle())


@contextmanager
def hospital(folder: Path, **own: object) -> Iterator[tuple[FlaskClient, Server, Server, Server]]:
    """A service with two clients, their FHIR servers, and one that is nobody's; `own` are keys of the first client."""
    with http_server(_fhir) as mine, http_server(_fhir) as others, http_server(_fhir) as nobodys:
        clients = write_clients(
            folder,
            ehr={"issuer": EHR, "fhir_servers": [mine.base], **own},
            other={"issuer": OTHER, "fhir_servers": [others.base]},
        )
        settings = Settings(
            public_url=PUBLIC,
            clients_file=str(clients),
            fhir_servers=(nobodys.base,),
            as_of=AS_OF,
            log_level="error",
            deadline_s=30,
        )
        yield create_app(settings).test_client(), mine, others, nobodys


def ask(client: FlaskClient, server: str, *lacking: str, **access: object) -> TestResponse:
    """A call of the first client that names a FHIR server, without these prefetch keys."""
    grant = {
        "access_token": "t0ken",
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "x",
        "subject": "us",
        **access,
    }
    body = request("patient-view", without(record(), *lacking), fhirServer=server, fhirAuthorization=grant)
    return call(client, bearer(VIEW), VIEW, json.dumps(body).encode())


def test_a_client_s_own_server_is_read_with_its_token(tmp_path: Path) -> None:
    with hospital(tmp_path) as (service, mine, _, _):
        assert cards(ask(service, mine.base, "conditions")) == []
        assert mine.paths == [f"/fhir/Condition?patient={PATIENT}&_count=200"]
        assert [headers["Authorization"] for _, headers in mine.seen] == ["Bearer t0ken"]


@pytest.mark.parametrize("lacking", [(), ("conditions",), ("patient", "observations")])
def test_the_server_of_another_client_is_refused_even_if_nothing_must_be_read(
    tmp_path: Path, lacking: tuple[str, ...]
) -> None:
    with hospital(tmp_path) as (service, _, others, _):
        for spelling in (others.base, others.base + "/", others.base.upper().replace("/FHIR", "/fhir")):
            told = issue(ask(service, spelling, *lacking), 403)
            assert (told["diagnostics"], told["expression"]) == ("This FHIR server is not the client's", ["fhirServer"])
        assert issue(ask(service, others.base, *lacking, access_token=""), 403)["code"] == "forbidden"
        assert others.seen == []


def test_the_global_list_and_this_machine_are_not_a_verified_client_s(tmp_path: Path) -> None:
    with hospital(tmp_path) as (service, _, _, nobodys):
        told = issue(ask(service, nobodys.base, "conditions"), 403)
        assert told["diagnostics"] == "This FHIR server may not be read"
        # If nothing must be read, the address does no harm.
        assert cards(ask(service, nobodys.base)) == []
        assert nobodys.seen == []


def test_an_access_token_for_another_service_is_not_used(tmp_path: Path) -> None:
    with hospital(tmp_path, subject="us") as (service, mine, _, _):
        told = issue(ask(service, mine.base, "conditions", subject="them"), 403)
        assert (told["diagnostics"], told["expression"]) == (
            "The access token was issued for another service",
            ["fhirAuthorization.subject"],
        )
        assert mine.seen == []
        assert ask(service, mine.base, "conditions", subject="us").status_code == 200


def test_without_an_agreed_subject_any_is_taken(tmp_path: Path) -> None:
    with hospital(tmp_path) as (service, mine, _, _):
        assert ask(service, mine.base, "conditions", subject="patient-view").status_code == 200


def test_cards_are_written_in_the_dialect_of_the_client(tmp_path: Path) -> None:
    clients = write_clients(tmp_path, ehr={"issuer": EHR}, other={"issuer": OTHER})
    with clients.open("a") as file:
        file.write('\ndialect = { selection = "any" }\n')
    service = create_app(
        Settings(public_url=PUBLIC, clients_file=str(clients), as_of=AS_OF, log_level="error")
    ).test_client()
    body = json.dumps(request("order-sign", record(), [draft(METHOTREXATE, "draft-1", weekly(15))])).encode()

    def selections(issuer: str) -> set[str]:
        told = cards(call(service, bearer(SIGN, iss=issuer), SIGN, body))
        return {card["selectionBehavior"] for card in told if card.get("suggestions")}

    assert selections(OTHER) == {"any"}
    assert selections(EHR) == {"at-most-one"}


# Several workers


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[int], str]]:
    """Starts services in production with so many workers each, which remember used tokens in one file."""
    clients = write_clients(tmp_path, ehr={"issuer": EHR})
    started: list[subprocess.Popen[bytes]] = []

    def start(workers: int) -> str:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        environ = {name: value for name, value in os.environ.items() if not name.startswith("CDS_")}
        environ |= {
            "PYTHONPATH": str(Path(__file__).parents[1]),
            "CDS_PROFILE": "production",
            "CDS_PUBLIC_URL": PUBLIC,
            "CDS_CLIENTS_FILE": str(clients),
            "CDS_REPLAY_FILE": str(tmp_path / "used.sqlite3"),
            "CDS_CARD_KEY": "a secret of the tests alone",
            "CDS_PORT": str(port),
            "CDS_WORKERS": str(workers),
        }
        with (tmp_path / "log").open("ab") as log:
            command = [sys.executable, "-c", "from cds_service.cli import main; main()", "serve"]
            process = subprocess.Popen(command, env=environ, stdout=log, stderr=log)
        started.append(process)
        for _ in range(600):
            try:
                requests.get(f"http://127.0.0.1:{port}/health/live", timeout=5)
                return f"http://127.0.0.1:{port}"
            except requests.ConnectionError:
                assert process.poll() is None, (tmp_path / "log").read_text()
                time.sleep(0.1)
        raise AssertionError((tmp_path / "log").read_text())

    yield start
    for process in started:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _post(base: str, authorization: str) -> int:
    """The status of a call; one that was cut before an answer is sent again once, as an EHR does."""
    headers = {"Authorization": authorization, "Content-Type": "application/json"}
    try:
        return requests.post(base + VIEW, data=BODY, headers=headers, timeout=60).status_code
    except requests.ConnectionError:
        return requests.post(base + VIEW, data=BODY, headers=headers, timeout=60).status_code


@pytest.mark.slow
def test_a_token_is_good_once_among_all_workers(serve: Callable[[int], str], tmp_path: Path) -> None:
    many, alone = serve(2), serve(1)
    # Each call is a new connection, so they come to both workers; of all of them one is answered.
    for _ in range(3):
        token = bearer(VIEW)
        with ThreadPoolExecutor(8) as threads:
            statuses = list(threads.map(lambda _, sent=token: _post(many, sent), range(16)))
        assert sorted(statuses) == [200] + [401] * 15
        # Nor does a worker of another service of the same machine take it.
        assert _post(alone, token) == 401
    first = bearer(VIEW)
    assert _post(alone, first) == 200
    assert _post(many, first) == 401


@pytest.mark.slow
def test_the_attacks_through_a_real_server(serve: Callable[[int], str], tmp_path: Path) -> None:
    base = serve(2)
    write_keys(tmp_path / "keys.json", *SIGNERS)
    tokens = {name: token for name, (_, token) in forgeries(int(time.time())).items()}
    # The server itself cuts a head that is too long.
    assert _post(base, f"Bearer {tokens.pop('a header of 1 MB')}") == 431
    assert {name: _post(base, f"Bearer {token}") for name, token in tokens.items()} == dict.fromkeys(tokens, 401)
    assert _post(base, bearer(VIEW)) == 200
    page = requests.get(f"{base}/metrics", timeout=60).text
    log = (tmp_path / "log").read_text()
    parts = {part for token in tokens.values() for part in token.split(".") if len(part) > 8}
    assert [part for part in parts if part in log + page] == []
    assert "caller not verified" in log
