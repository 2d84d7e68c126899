"""GETs end by their deadline whatever the server does, are tried again only where that may help, and leak nothing."""

from __future__ import annotations

import gzip
import shutil
import socket
import ssl
import subprocess
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
import responses

from cds_service.access.transport import TOO_LATE, Allowance, Transport, Unanswered

from .servers import Answer, Server, answer, drip, http_server, raw_server, returns

TOKEN = "secret-token-4711"
URL = "https://ehr.example/fhir/Condition?patient=p1"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\n"


@pytest.fixture(scope="module")
def transport() -> Iterator[Transport]:
    transport = Transport()
    yield transport
    transport.close()


def get(
    transport: Transport, url: str, *, token: str = "", within: float = 20, allowance: Allowance | None = None
) -> bytes:
    return transport.get(url, token, deadline=time.monotonic() + within, allowance=allowance or Allowance(10_000_000))


def fault(transport: Transport, url: str, *, token: str = "", within: float = 20) -> Unanswered:
    with pytest.raises(Unanswered) as caught:
        get(transport, url, token=token, within=within)
    return caught.value


# The deadline


def hang(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(65536)
    over.wait()


def hang_in_the_body(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(65536)
    connection.sendall(HEAD + b'Content-Length: 1000\r\n\r\n{"resourceType":')
    over.wait()


def drip_the_status(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(65536)
    drip(connection, b"HTTP/1.1 " + b" " * 10_000, over)


def drip_headers(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(65536)
    connection.sendall(HEAD)
    drip(connection, b"X-Again: and again\r\n", over)


def drip_one_long_header(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(65536)
    connection.sendall(HEAD + b"X-Long: ")
    drip(connection, b"x", over)


def drip_informational_answers(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(65536)
    while not over.wait(0.02):
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")


def drip_the_body(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(65536)
    connection.sendall(HEAD + b"Content-Length: 100000\r\n\r\n")
    drip(connection, b" ", over)


def drip_chunks(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(65536)
    connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    drip(connection, b"1\r\n \r\n", over)


def drip_gzip(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(65536)
    connection.sendall(HEAD + b"Content-Encoding: gzip\r\nContent-Length: 100000\r\n\r\n")
    drip(connection, gzip.compress(b"{}" * 1000), over)


NEVER_ENDING = [
    hang,
    hang_in_the_body,
    drip_the_status,
    drip_headers,
    drip_one_long_header,
    drip_informational_answers,
    drip_the_body,
    drip_chunks,
    drip_gzip,
]


@pytest.mark.parametrize("talk", NEVER_ENDING)
def test_a_get_returns_although_the_server_never_ends(
    talk: Callable[[socket.socket, threading.Event], None], transport: Transport
) -> None:
    with raw_server(talk) as server:
        caught = returns(lambda: fault(transport, f"{server.base}/Condition", within=0.3))
    assert (caught.reason, caught.status, caught.pause) == (TOO_LATE, 0, None)


def test_the_server_sees_its_connection_closed_at_the_deadline(transport: Transport) -> None:
    closed = threading.Event()

    def drip_until_closed(connection: socket.socket, over: threading.Event) -> None:
        try:
            drip_headers(connection, over)
        except OSError:
            closed.set()

    with raw_server(drip_until_closed) as server:
        returns(lambda: fault(transport, f"{server.base}/Condition", within=0.3))
        assert closed.wait(30)


def test_a_tls_handshake_that_never_comes_is_cut(transport: Transport) -> None:
    with raw_server(hang, "https") as server:
        caught = returns(lambda: fault(transport, f"{server.base}/Condition", within=0.3))
    assert caught.reason == TOO_LATE


def test_a_tls_handshake_that_drips_is_cut(transport: Transport) -> None:
    def drip_handshake(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65536)
        # A handshake record of 16,000 bytes: server hello, 15,996 bytes, of which one comes every 20 ms.
        connection.sendall(b"\x16\x03\x03\x3e\x80\x02\x00\x3e\x7c")
        drip(connection, b"\x03", over)

    with raw_server(drip_handshake, "https") as server:
        caught = returns(lambda: fault(transport, f"{server.base}/Condition", within=0.3))
    assert caught.reason == TOO_LATE


def test_no_packet_leaves_after_the_deadline(transport: Transport) -> None:
    with http_server(lambda server, path: answer({})) as server:
        assert fault(transport, f"{server.base}/Condition", within=-1).reason == TOO_LATE
    assert server.seen == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("skipped, because there is no openssl to make a certificate with")
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    subprocess.run([*make, *subject, "-keyout", str(file), "-out", f"{file}.crt"], check=True, capture_output=True)
    file.write_text(file.read_text() + Path(f"{file}.crt").read_text())
    return file


def under_tls(
    certificate: Path, talk: Callable[[socket.socket, threading.Event], None]
) -> Callable[[socket.socket, threading.Event], None]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def converse(connection: socket.socket, over: threading.Event) -> None:
        with context.wrap_socket(connection, server_side=True) as wrapped:
            talk(wrapped, over)

    return converse


@pytest.mark.parametrize("talk", [hang, drip_headers, drip_the_body])
def test_under_tls_a_get_returns_as_well(
    talk: Callable[[socket.socket, threading.Event], None], certificate: Path
) -> None:
    transport = Transport(ca_file=str(certificate))
    with raw_server(under_tls(certificate, talk), "https") as server:
        caught = returns(lambda: fault(transport, f"{server.base}/Condition", within=1))
    assert caught.reason == TOO_LATE


def test_a_further_authority_is_trusted_and_an_unknown_one_is_not(certificate: Path, transport: Transport) -> None:
    def talk(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65536)
        connection.sendall(HEAD + b"Content-Length: 2\r\n\r\n{}")

    with raw_server(under_tls(certificate, talk), "https") as server:
        assert get(Transport(ca_file=str(certificate)), f"{server.base}/Condition") == b"{}"
        caught = fault(transport, f"{server.base}/Condition")
    assert (caught.reason, caught.pause) == ("no trusted TLS connection to the FHIR server", None)


# What is sent


def test_a_get_sends_what_it_should_and_nothing_more(transport: Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with http_server(lambda server, path: answer({}, Set_Cookie="session=1; Path=/")) as server:
        assert get(transport, f"{server.base}/Condition?patient=p1", token=TOKEN) == b"{}"
        assert get(transport, f"{server.base}/Condition?patient=p1") == b"{}"
    assert server.paths == ["/fhir/Condition?patient=p1"] * 2
    host = server.base.removeprefix("http://").removesuffix("/fhir")
    plain = {
        "Host": host,
        "Accept": "application/fhir+json",
        "Accept-Encoding": "gzip",
        "Cache-Control": "no-cache",
        "User-Agent": "cds-service",
    }
    assert server.seen[0][1] == {**plain, "Authorization": f"Bearer {TOKEN}"}
    assert server.seen[1][1] == plain


def test_no_password_is_taken_from_a_netrc_file(
    transport: Transport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login user password word\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with http_server(lambda server, path: answer({})) as server:
        get(transport, f"{server.base}/Condition")
    assert "Authorization" not in server.seen[0][1]


@pytest.mark.parametrize("token", ["a b", "a\r\nX-Evil: 1", "a\n", "ä", "a\x00", "\U0001f511"])
def test_a_token_that_no_header_can_carry_is_not_sent_and_not_told(token: str, transport: Transport) -> None:
    with http_server(lambda server, path: answer({})) as server:
        caught = fault(transport, f"{server.base}/Condition", token=token)
    assert caught.reason == "the access token has characters that no header can carry"
    assert server.seen == []


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_its_target_sees_no_token(status: int, transport: Transport) -> None:
    with http_server(lambda server, path: answer({})) as target:
        with http_server(lambda server, path: answer({}, status, Location=f"{target.base}/Condition")) as server:
            caught = fault(transport, f"{server.base}/Condition", token=TOKEN)
        assert target.seen == []
    assert caught.reason == "the FHIR server answered with a redirect, which is not followed"
    assert len(server.seen) == 1


@pytest.mark.parametrize("location", ["/fhir/Condition", "http://169.254.169.254/latest/", "http://[bad", ""])
def test_a_redirect_to_anywhere_is_not_followed(location: str, transport: Transport) -> None:
    with http_server(lambda server, path: answer({}, 302, Location=location)) as server:
        assert fault(transport, f"{server.base}/Condition").status == 302
    assert len(server.seen) == 1


# Another try


def first_then(first: Answer, then: Answer) -> Callable[[Server, str], Answer]:
    return lambda server, path: first if len(server.seen) == 1 else then


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_is_tried_once_more(status: int, transport: Transport) -> None:
    with http_server(first_then(answer({}, status), answer({"a": 1}))) as server:
        assert get(transport, f"{server.base}/Condition") == b'{"a": 1}'
    assert len(server.seen) == 2


def test_a_server_error_that_stays_is_given_up_after_two_tries(transport: Transport) -> None:
    with http_server(lambda server, path: answer({"patient": "Jane"}, 503)) as server:
        caught = fault(transport, f"{server.base}/Condition")
    assert (caught.reason, caught.status) == ("the FHIR server answered with status 503", 503)
    assert len(server.seen) == 2


@pytest.mark.parametrize("status", [201, 204, 400, 401, 403, 404, 405, 410, 501])
def test_other_statuses_are_tried_once_only(status: int, transport: Transport) -> None:
    with http_server(lambda server, path: (status, {}, b"")) as server:
        caught = fault(transport, f"{server.base}/Condition", token=TOKEN)
    assert (caught.reason, caught.status) == (f"the FHIR server answered with status {status}", status)
    assert len(server.seen) == 1


def test_too_many_requests_with_a_wait_that_fits_is_tried_once_more(transport: Transport) -> None:
    with http_server(first_then(answer({}, 429, Retry_After="1"), answer({}))) as server:
        assert get(transport, f"{server.base}/Condition") == b"{}"
    assert len(server.seen) == 2


@pytest.mark.parametrize("wait", ["3600", "99999999999", "Fri, 31 Dec 2049 23:59:59 GMT", "-1", ""])
def test_too_many_requests_with_a_wait_that_does_not_fit_is_not(wait: str, transport: Transport) -> None:
    with http_server(lambda server, path: answer({}, 429, Retry_After=wait)) as server:
        assert fault(transport, f"{server.base}/Condition").status == 429
    assert len(server.seen) == 1


def test_a_server_error_that_names_a_long_wait_is_not_tried_again(transport: Transport) -> None:
    with http_server(lambda server, path: answer({}, 503, Retry_After="120")) as server:
        assert fault(transport, f"{server.base}/Condition").status == 503
    assert len(server.seen) == 1


def test_a_connection_that_was_reset_is_tried_once_more(transport: Transport) -> None:
    tries: list[int] = []

    def talk(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65536)
        tries.append(1)
        if len(tries) == 2:
            connection.sendall(HEAD + b"Content-Length: 2\r\n\r\n{}")

    with raw_server(talk) as server:
        assert get(transport, f"{server.base}/Condition") == b"{}"
    assert len(tries) == 2


def test_a_refused_connection_is_tried_once_only(transport: Transport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    caught = fault(transport, f"http://127.0.0.1:{port}/fhir/Condition")
    assert (caught.reason, caught.pause) == ("the FHIR server could not be reached", None)


@responses.activate
def test_what_requests_raises_is_told_without_the_request(transport: Transport) -> None:
    responses.get(URL, body=requests.ConnectionError("cannot reach", TOKEN, "p1"))
    caught = fault(transport, URL, token=TOKEN)
    assert caught.reason == "the FHIR server could not be reached"
    told = "".join(traceback.format_exception(caught))
    assert TOKEN not in told
    assert "p1" not in told


# What is read


def test_gzip_is_decompressed(transport: Transport) -> None:
    body = gzip.compress(b'{"a": 1}')
    with http_server(lambda server, path: (200, {"Content-Encoding": "gzip"}, body)) as server:
        assert get(transport, f"{server.base}/Condition") == b'{"a": 1}'


def test_a_gzip_bomb_is_not_opened_beyond_the_allowance(transport: Transport) -> None:
    """50 MB of zeros are 50 kB on the wire: more than the allowance only once decompressed."""
    body = gzip.compress(bytes(50_000_000))
    with http_server(lambda server, path: (200, {"Content-Encoding": "gzip"}, body)) as server:
        caught = fault(transport, f"{server.base}/Condition")
    assert caught.reason == "the FHIR server sent more than is read for one request"


def test_an_allowance_counts_to_its_last_byte(transport: Transport) -> None:
    with http_server(lambda server, path: (200, {}, b"12345")) as server:
        allowance = Allowance(10)
        assert get(transport, server.base, allowance=allowance) == b"12345"
        assert get(transport, server.base, allowance=allowance) == b"12345"
        with pytest.raises(Unanswered, match=r"^the FHIR server sent more than is read for one request$"):
            get(transport, server.base, allowance=allowance)


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "deflate", "x-unheard-of"])
def test_a_compression_that_was_not_asked_for_is_refused(encoding: str, transport: Transport) -> None:
    with http_server(lambda server, path: (200, {"Content-Encoding": encoding}, b"{}")) as server:
        caught = fault(transport, f"{server.base}/Condition")
    assert caught.reason == "the FHIR server sent a compression that was not asked for"


def test_broken_gzip_is_a_fault(transport: Transport) -> None:
    with http_server(lambda server, path: (200, {"Content-Encoding": "gzip"}, b"no gzip at all")) as server:
        caught = fault(transport, f"{server.base}/Condition")
    assert caught.reason == "the FHIR server sent what could not be read"


def test_a_body_shorter_than_promised_is_a_fault(transport: Transport) -> None:
    def talk(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65536)
        connection.sendall(HEAD + b'Content-Length: 100\r\n\r\n{"resourceType":"Bundle"}')

    with raw_server(talk) as server:
        assert fault(transport, f"{server.base}/Condition").reason == "the FHIR server broke the connection"


def test_what_is_no_http_is_a_fault(transport: Transport) -> None:
    def talk(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65536)
        connection.sendall(b"220 smtp ready\r\n")

    with raw_server(talk) as server:
        assert fault(transport, f"{server.base}/Condition").reason == "the FHIR server broke the connection"
