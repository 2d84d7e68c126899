"""Bad HTTP over raw sockets, to the whole service as it runs: refused with its status, nothing evaluated, nobody hurt."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator

import pytest

from .running import BODY, CALL, JSON, LIMIT, Service, cards, chunked, everything, head, outcome, post, split

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One worker with its usual 32 threads, a small limit of bodies, and five seconds to send a request."""
    running = Service(tmp_path_factory.mktemp("service") / "log")
    yield running
    running.stop()


def test_a_whole_call_is_answered(service: Service) -> None:
    assert cards(service.say(post()))


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("POST", "/cds-services/nothing", 404),
        ("GET", CALL, 405),
        ("DELETE", "/cds-services", 405),
        ("BREW", CALL, 405),
        ("POST", "/cds-services/../health/live", 404),
        ("POST", "/cds-services/%2e%2e/health/live", 404),
        ("POST", "/cds-services/%2E%2E%2Fhealth/live", 404),
        ("POST", "/cds-services/myositis-order-sign%00", 404),
        ("POST", "/cds-services/%0d%0aSet-Cookie:x", 404),
        ("POST", "/cds-services/" + "x" * 8000, 404),
        ("POST", "/cds-services/" + "x" * 10_000, 414),  # longer than a request line may be
    ],
)
def test_what_is_not_there_is_refused(service: Service, method: str, path: str, status: int) -> None:
    answer = service.say(head(method, path, JSON, "Content-Length: 0"))
    assert outcome(answer, status)["diagnostics"]
    if status == 405:
        assert "\r\nallow: " in split(answer)[1].lower()


@pytest.mark.parametrize("path", ["//cds-services//myositis-order-sign", CALL + "/", CALL + "?x=%00", "//" + CALL])
def test_slashes_too_many_are_borne(service: Service, path: str) -> None:
    assert cards(service.say(post(path=path)))


@pytest.mark.parametrize("media", ["text/plain", "application/xml", "multipart/form-data; boundary=x", "json", ""])
def test_another_media_type_is_refused(service: Service, media: str) -> None:
    sent = head("POST", CALL, f"Content-Type: {media}", f"Content-Length: {len(BODY)}") + BODY
    assert outcome(service.say(sent), 415)["code"] == "not-supported"


def test_no_media_type_at_all_is_refused(service: Service) -> None:
    assert outcome(service.say(head("POST", CALL, f"Content-Length: {len(BODY)}") + BODY), 415)["diagnostics"]


def test_json_with_a_charset_is_taken_and_json_is_the_answer_whatever_is_accepted(service: Service) -> None:
    sent = head("POST", CALL, f"{JSON}; charset=utf-8", "Accept: text/html", f"Content-Length: {len(BODY)}")
    answer = service.say(sent + BODY)
    assert cards(answer)
    assert "content-type: application/json" in split(answer)[1].lower()


def test_a_body_announced_too_large_is_refused_before_it_is_sent(service: Service) -> None:
    sent = head("POST", CALL, JSON, f"Content-Length: {LIMIT + 1}")
    assert outcome(service.say(sent), 413)["diagnostics"] == f"The body is larger than {LIMIT} bytes"


def test_a_chunked_body_is_read_to_its_end_or_refused_and_never_cut(service: Service) -> None:
    whole = BODY + b" " * (LIMIT - len(BODY))
    assert cards(service.say(chunked(whole[:1000], whole[1000:])))
    assert outcome(service.say(chunked(whole, b" ")), 413)["code"] == "too-long"
    assert outcome(service.say(chunked(BODY, b" " * 5000 + b"garbage")), 400)["code"] == "structure"


@pytest.mark.parametrize("broken", [b"zz\r\n{}\r\n0\r\n\r\n", b"5\r\n{}", b"-2\r\n{}\r\n0\r\n\r\n"])
def test_broken_chunks_are_refused(service: Service, broken: bytes) -> None:
    before = service.judged()
    sent = head("POST", CALL, JSON, "Transfer-Encoding: chunked") + broken
    assert outcome(service.say(sent, hang_up=True), 400)["diagnostics"]
    assert service.judged() == before


def test_a_body_that_ends_before_its_length_is_not_judged(service: Service) -> None:
    before = service.judged()
    sent = head("POST", CALL, JSON, f"Content-Length: {len(BODY) + 1}") + BODY
    told = outcome(service.say(sent, hang_up=True), 400)
    assert (told["code"], told["diagnostics"]) == ("incomplete", "The body is shorter than its Content-Length")
    assert service.judged() == before


def test_a_client_that_is_gone_before_its_body_is_not_judged(service: Service) -> None:
    before = service.judged()
    with service.connect() as connection:
        connection.sendall(head("POST", CALL, JSON, f"Content-Length: {len(BODY)}") + BODY[:-1])
    assert service.judged() == before


def test_no_more_is_read_than_was_announced(service: Service) -> None:
    told = outcome(service.say(head("POST", CALL, JSON, "Content-Length: 10") + BODY), 400)
    assert told["diagnostics"].startswith("The body is not valid JSON")
    # On a connection that is kept, what is too much is the next request, and none.
    kept = f"POST {CALL} HTTP/1.1\r\nHost: x\r\n{JSON}\r\nContent-Length: {len(BODY)}\r\n\r\n".encode()
    first, _, rest = service.say(kept + BODY + b"too much\r\n\r\n").partition(b"HTTP/1.1 400")
    assert first.startswith(b"HTTP/1.1 200")
    assert b"The HTTP request is not valid" in rest


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Content-Length: 5"),
        ("Content-Length: 5", "Content-Length: 6"),
        ("Content-Length: +5",),
        ("Content-Length: -5",),
        ("Content-Length: 0x5",),
        ("Content-Length: 5, 5",),
        ("Content-Length : 5",),
        ("X-Name: a\x00b", "Content-Length: 5"),
        ("X-Name: a\x01\x0bb\x7f", "Content-Length : 5"),
        (" Content-Length: 5",),
    ],
)
def test_a_head_that_can_be_read_in_two_ways_is_refused(service: Service, lines: tuple[str, ...]) -> None:
    sent = head("POST", CALL, JSON, *lines) + b"5\r\n{}   \r\n0\r\n\r\n"
    assert outcome(service.say(sent, hang_up=True), 400)["diagnostics"] == "The HTTP request is not valid"


def test_a_transfer_coding_that_is_not_supported_is_refused(service: Service) -> None:
    sent = head("POST", CALL, JSON, "Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n"
    assert outcome(service.say(sent, hang_up=True), 400)["diagnostics"]


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "gzip, gzip"])
def test_a_compressed_body_is_refused(service: Service, coding: str) -> None:
    told = outcome(service.say(post(f"Content-Encoding: {coding}")), 415)
    assert told["diagnostics"] == "A compressed body is not supported"


@pytest.mark.parametrize(
    "lines",
    [("X-Long: " + "x" * 100_000,), tuple(f"X-{number}: 1" for number in range(500))],
    ids=["one of 100 kB", "500 of them"],
)
def test_a_head_that_is_too_large_is_refused(service: Service, lines: tuple[str, ...]) -> None:
    assert outcome(service.say(head("GET", "/cds-services", *lines)), 431)["code"] == "too-long"


@pytest.mark.parametrize(
    "opening",
    [b"POST / HTTP/1.1\r\nX: ", head("POST", CALL, JSON, "Content-Length: 50000")],
    ids=["head", "body"],
)
def test_eight_clients_that_drip_keep_nobody_waiting_and_are_cut(service: Service, opening: bytes) -> None:
    cut: list[bytes] = []
    begun = threading.Barrier(9)

    def drip() -> None:
        with service.connect() as connection:
            connection.sendall(opening)
            begun.wait(timeout=20)
            try:
                for _ in range(200):
                    connection.sendall(b"x")
                    time.sleep(0.1)
            except OSError:
                pass
            cut.append(everything(connection))

    threads = [threading.Thread(target=drip, daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    begun.wait(timeout=20)
    assert cards(service.say(post()))
    assert cut == []  # the call was answered while all eight were still sending
    for thread in threads:
        thread.join(timeout=25)
    assert len(cut) == 8


@pytest.mark.parametrize("opening", [b"GET / HTTP/1.1\r\nHost: x\r\n", head("POST", CALL, JSON, "Content-Length: 9")])
def test_a_request_that_does_not_come_to_an_end_is_a_timeout(service: Service, opening: bytes) -> None:
    assert outcome(service.say(opening), 408)["code"] == "timeout"


def test_an_empty_body_is_refused(service: Service) -> None:
    assert outcome(service.say(post(body=b"")), 400)["diagnostics"].startswith("The body is not valid JSON")
    assert outcome(service.say(head("POST", CALL, JSON)), 400)["diagnostics"].startswith("The body is not valid JSON")


def test_an_old_client_and_one_that_waits_for_100_are_served(service: Service) -> None:
    old = f"POST {CALL} HTTP/1.0\r\n{JSON}\r\nContent-Length: {len(BODY)}\r\n\r\n".encode() + BODY
    assert cards(service.say(old))
    with service.connect() as connection:
        sent = post("Expect: 100-continue")
        connection.sendall(sent[: -len(BODY)])
        assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")
        connection.sendall(BODY)
        assert cards(everything(connection))


def test_a_preflight_is_answered_by_the_origin(service: Service) -> None:
    for origin, status, allowed in (("http://localhost:3000", 204, True), ("https://evil.example", 200, False)):
        lines = (f"Origin: {origin}", "Access-Control-Request-Method: POST")
        found, told, _ = split(service.say(head("OPTIONS", CALL, *lines)))
        assert found == status
        assert (f"access-control-allow-origin: {origin}" in told.lower()) == allowed
        assert ("access-control-" in told.lower()) == allowed
        assert "credentials" not in told.lower()


SPOOFED = [
    ("Host: evil.example",),
    ("X-Forwarded-Host: evil.example", "X-Forwarded-Proto: http", "X-Forwarded-For: 10.0.0.1"),
    ("Forwarded: host=evil.example;proto=http", "X-Original-URL: /metrics", "X-Rewrite-URL: /metrics"),
    ("SCRIPT_NAME: /evil",),
    ("X-Forwarded-Proto: http", "X-Forwarded-Ssl: on"),
]


@pytest.mark.parametrize("lines", SPOOFED)
@pytest.mark.parametrize("path", ["/cds-services", "/cds-services/", "//cds-services", "/health/ready"])
def test_no_answer_repeats_a_host_that_the_caller_made_up(service: Service, path: str, lines: tuple[str, ...]) -> None:
    host = () if lines[0].startswith("Host") else ("Host: 127.0.0.1",)
    told = "\r\n".join((f"GET {path} HTTP/1.1", *host, "Connection: close", *lines)) + "\r\n\r\n"
    answer = service.say(told.encode())
    assert split(answer)[0] == 200
    assert b"evil" not in answer
    assert split(answer)[2] == split(service.say(head("GET", path)))[2]


def test_a_header_makes_no_other_address_of_the_one_that_a_proxy_looked_at(service: Service) -> None:
    assert split(service.say(head("GET", "/hidden/metrics", "SCRIPT_NAME: /hidden")))[0] == 404


def test_a_whole_address_as_target_changes_nothing(service: Service) -> None:
    answer = service.say(head("GET", "http://evil.example/cds-services"))
    assert b"evil" not in answer


FORGED = '\r\n{"level":"error","event":"forged"}'


def test_no_value_of_a_request_can_forge_a_line_of_the_log(service: Service) -> None:
    body = json.loads(BODY)
    body["hookInstance"] = FORGED
    body["context"]["userId"] = FORGED
    body["prefetch"].pop("conditions")
    assert outcome(service.say(post(body=json.dumps(body).encode())), 412)["diagnostics"]
    service.say(post(path="/cds-services/%0d%0a%7B%22event%22:%22forged%22%7D"))
    service.say(head("GET", "/\x1b[31mforged", "X-Forged: forged"), hang_up=True)
    assert "forged" not in service.log.read_text(encoding="utf-8", errors="replace")


def test_the_log_names_the_outcome_that_the_caller_has(service: Service) -> None:
    for sent in (post(body=b"{}"), head("GET", "/cds-services", "Content-Length: x")):
        told = json.loads(split(service.say(sent, hang_up=True))[2])
        assert told["id"] in service.log.read_text()


def test_after_all_that_the_service_is_as_it_was(service: Service) -> None:
    assert cards(service.say(post()))
    assert service.process.poll() is None
    assert "Traceback" not in service.log.read_text()
