"""The client: polite towards a good service, and not to be held or led astray by a bad one."""

from __future__ import annotations

import socket
import threading

import pytest

from cds_service.verify import client as client_module
from cds_service.verify.client import Client, Exhausted, Reply, Unreachable, base_of

from ..access.servers import Server, answer, drip, http_server, raw_server, returns

ORIGIN = "https://ehr.example.org"


def client_of(server: Server, answer_s: float = 20.0) -> Client:
    return Client(server.base, origin=ORIGIN, answer_s=answer_s)


def test_a_reply_has_status_headers_in_lower_case_and_body() -> None:
    with http_server(lambda server, path: answer({"services": []}, X_Other="1")) as server:
        reply = client_of(server).send("GET", "/cds-services")
    assert (reply.status, reply.headers["x-other"], reply.json()) == (200, "1", {"services": []})


def test_the_page_that_is_played_and_the_wanted_type_are_sent_without_cookies() -> None:
    with http_server(lambda server, path: answer({}, Set_Cookie="a=b")) as server:
        client = client_of(server)
        client.send("GET", "/1")
        client.send("GET", "/2")
    (_, first), (_, second) = server.seen
    assert (first["Origin"], first["Accept"], first["Accept-Encoding"]) == (ORIGIN, "application/json", "identity")
    assert "Cookie" not in second
    assert "Authorization" not in second


def test_a_redirect_is_not_followed() -> None:
    with http_server(lambda server, path: answer({}, 302, Location=server.base + "/elsewhere")) as server:
        reply = client_of(server).send("GET", "/cds-services")
    assert reply.status == 302
    assert server.paths == ["/fhir/cds-services"]


def test_an_answer_that_is_too_large_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "ANSWER_BYTES", 1000)
    with http_server(lambda server, path: (200, {}, b"x" * 1001)) as server, pytest.raises(Unreachable) as error:
        client_of(server).send("GET", "/")
    assert str(error.value) == "the answer is larger than 1000 bytes"


def test_an_answer_of_exactly_the_limit_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "ANSWER_BYTES", 1000)
    with http_server(lambda server, path: (200, {}, b"x" * 1000)) as server:
        assert len(client_of(server).send("GET", "/").body) == 1000


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"], ids=["head", "body"])
def test_an_answer_that_drips_is_let_go(head: bytes) -> None:
    def talk(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65_536)
        connection.sendall(head)
        drip(connection, b"HTTP/1.1 200 OK\r\nX: ", over)

    def send() -> str:
        with pytest.raises(Unreachable) as error:
            client_of(server, answer_s=0.5).send("GET", "/")
        return str(error.value)

    with raw_server(talk) as server:
        assert returns(send) == "no whole answer within 0.5 seconds"


def test_nobody_there_is_no_answer() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(Unreachable) as error:
        Client(f"http://127.0.0.1:{port}", origin=ORIGIN).send("GET", "/cds-services")
    assert str(error.value) == "no answer (ConnectionError)"


def test_no_more_requests_are_made_than_one_run_may_make(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "REQUESTS", 1)
    with http_server(lambda server, path: answer({})) as server:
        client = client_of(server)
        client.send("GET", "/1")
        with pytest.raises(Exhausted):
            client.send("GET", "/2")
    assert server.paths == ["/fhir/1"]


@pytest.mark.parametrize(
    "address",
    ["https://cds.example.org/r", "https://cds.example.org/r/", "https://cds.example.org/r/cds-services/"],
)
def test_the_base_is_found_with_and_without_the_path_of_discovery(address: str) -> None:
    assert base_of(address) == "https://cds.example.org/r"


@pytest.mark.parametrize(
    "address", ["cds.example.org", "ftp://cds.example.org", "https://a@cds.example.org", "https://x/?a=1", "http://h:x"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError):
        base_of(address)


@pytest.mark.parametrize("body", [b"<html>", b"", b"[" * 101 + b"]" * 101, b"[" * 100_000, b'{"cards": 1}'])
def test_no_cards_are_read_where_there_are_none(body: bytes) -> None:
    assert Reply(status=200, headers={}, body=body).cards() is None
