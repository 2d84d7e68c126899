"""Keys that are pinned or published: which of a set are used, when a set is fetched, what a bad publisher can do."""

from __future__ import annotations

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from cds_service.access import keys
from cds_service.access.address import NotAllowedServer
from cds_service.access.keys import (
    COOLDOWN_S,
    FRESH_S,
    MAX_KEYS,
    MAX_SET,
    BadKeys,
    NoKeys,
    PinnedKeys,
    PublishedKeys,
    fetcher,
    read_keys,
)
from cds_service.access.transport import Allowance, Transport

from ..callers import Json, elliptic, encoded_bytes, rsa
from .servers import Answer, Server, answer, drip, http_server, raw_server, returns

EC, RSA, NEW = elliptic(), rsa(), elliptic("ec-2")


def document(*members: Json) -> bytes:
    """A JWK Set."""
    return json.dumps({"keys": members}).encode()


# A set


def test_the_keys_of_a_set_are_found_by_their_id() -> None:
    pinned = PinnedKeys(read_keys(document(EC.jwk, RSA.jwk)))
    found = [pinned.find(kid) for kid in ("ec-1", "rsa-1")]
    assert [key.algorithms for key in found if key] == [("ES384",), ("RS384",)]
    assert pinned.find("ec-2") is None


@pytest.mark.parametrize(
    ("jwk", "algorithms"),
    [
        (elliptic("a", "P-256").jwk, ("ES256",)),
        (elliptic("b", "P-521").jwk, ("ES512",)),
        ({**RSA.jwk, "alg": "PS384"}, ("PS384",)),
        (
            {name: value for name, value in RSA.jwk.items() if name not in ("alg", "use")},
            ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
        ),
        ({**EC.jwk, "kid": "a+b/c=", "x5t": "whatever", "more": {"of": "it"}}, ("ES384",)),
        ({**EC.jwk, "key_ops": ["verify"]}, ("ES384",)),
    ],
)
def test_a_key_verifies_what_it_was_made_for(jwk: Json, algorithms: tuple[str, ...]) -> None:
    (key,) = read_keys(document(jwk))
    assert (key.kid, key.algorithms) == (jwk["kid"], algorithms)


@pytest.mark.parametrize(
    "jwk",
    [
        pytest.param({**NEW.jwk, "use": "enc"}, id="for encryption"),
        pytest.param({**NEW.jwk, "key_ops": ["deriveKey"]}, id="for another operation"),
        pytest.param({name: value for name, value in NEW.jwk.items() if name != "kid"}, id="without kid"),
        pytest.param({**NEW.jwk, "alg": "ES256"}, id="an algorithm of another curve"),
        pytest.param({**RSA.jwk, "kid": "x", "alg": "RSA-OAEP"}, id="an algorithm that signs nothing"),
        pytest.param({**RSA.jwk, "kid": "weak", "n": encoded_bytes(b"\xff" * 128)}, id="RSA of 1024 bits"),
        pytest.param({"kty": "OKP", "crv": "Ed25519", "x": "AAAA", "kid": "okp"}, id="a kind that is not used"),
        pytest.param({"kty": "AKP", "kid": "post-quantum"}, id="a kind that is not known"),
    ],
)
def test_a_key_that_is_not_for_us_is_left_out_and_the_others_are_used(jwk: Json) -> None:
    assert [key.kid for key in read_keys(document(jwk, EC.jwk))] == ["ec-1"]
    with pytest.raises(BadKeys, match=r"^no key that verifies signatures is in it$"):
        read_keys(document(jwk))


@pytest.mark.parametrize(
    ("published", "reason"),
    [
        pytest.param(b"", "not a JWK Set", id="nothing"),
        pytest.param(b"<html>", "not a JWK Set", id="a page"),
        pytest.param(b"[]", "not a JWK Set", id="a list"),
        pytest.param(b"{}", "not a JWK Set", id="no keys"),
        pytest.param(b'{"keys": {}}', "not a JWK Set", id="an object of keys"),
        pytest.param(b'{"keys": [1]}', "not a JWK Set", id="a number for a key"),
        pytest.param(b'{"keys": []}', "no key that verifies signatures is in it", id="an empty list"),
        pytest.param(b'{"keys": [], "keys": []}', "not a JWK Set", id="keys twice"),
        pytest.param(b"\xff\xfe{}", "not a JWK Set", id="UTF-16"),
        pytest.param(b'{"keys": ' + b"[" * 100_000, "not a JWK Set", id="deep nesting"),
        pytest.param(document(EC.jwk, {**NEW.jwk, "kid": "ec-1"}), "two keys have the same kid", id="kid twice"),
        pytest.param(
            document(EC.jwk, {**NEW.jwk, "kid": "ec-1", "use": "enc"}), "two keys have the same kid", id="kid and enc"
        ),
        pytest.param(
            document(EC.jwk, {**NEW.jwk, "d": "AAAA"}), "a private or symmetric key is in it", id="a private key"
        ),
        pytest.param(
            document(EC.jwk, {**RSA.key.as_dict(private=True), "kid": "x", "use": "enc"}),
            "a private or symmetric key is in it",
            id="a private key for encryption",
        ),
        pytest.param(
            document(EC.jwk, {"kty": "oct", "kid": "x"}), "a private or symmetric key is in it", id="a shared secret"
        ),
        pytest.param(document(EC.jwk, {**NEW.jwk, "kid": 7}), "a key in it cannot be read", id="a kid of 7"),
        pytest.param(document({**EC.jwk, "y": EC.jwk["x"]}), "a key in it cannot be read", id="a point off the curve"),
        pytest.param(document({**EC.jwk, "x": "!"}), "a key in it cannot be read", id="a point that is none"),
        pytest.param(document({**RSA.jwk, "n": ""}), "a key in it cannot be read", id="no modulus"),
        pytest.param(document({**RSA.jwk, "e": encoded_bytes(b"\x02")}), "a key in it cannot be read", id="e of 2"),
        pytest.param(
            document(*({**EC.jwk, "kid": str(number)} for number in range(MAX_KEYS + 1))),
            f"more than {MAX_KEYS} keys",
            id="too many keys",
        ),
        pytest.param(b" " * (MAX_SET + 1), f"larger than {MAX_SET} bytes", id="too large"),
    ],
)
def test_a_set_with_something_wrong_in_it_is_not_used_at_all(published: bytes, reason: str) -> None:
    with pytest.raises(BadKeys) as caught:
        read_keys(published)
    assert str(caught.value) == reason


# A set that is published


class Publisher:
    """A client's key server, and what a service sees of it; `says` is what it answers with."""

    def __init__(self, *signers: Json) -> None:
        self.says: Answer = answer({"keys": signers or (EC.jwk,)})
        self.now = 1000.0
        self.told: list[str] = []

    def reply(self, server: Server, path: str) -> Answer:
        return self.says

    def keys(self, server: Server, places: threading.Semaphore | None = None) -> PublishedKeys:
        """The keys that are published there."""
        return PublishedKeys(
            f"{server.base}/jwks.json",
            fetcher(Transport(accept="application/json")),
            told=self.told.append,
            clock=lambda: self.now,
            places=places,
        )


@pytest.fixture
def publisher() -> Publisher:
    """Publishes one key."""
    return Publisher()


def test_a_set_is_fetched_when_it_is_first_needed_and_kept(publisher: Publisher) -> None:
    with http_server(publisher.reply) as server:
        published = publisher.keys(server)
        assert server.paths == []
        found = [published.find("ec-1") for _ in range(20)]
    assert [key.kid for key in found if key] == ["ec-1"] * 20
    assert server.paths == ["/fhir/jwks.json"]
    assert server.seen[0][1]["Accept"] == "application/json"
    assert "Authorization" not in server.seen[0][1]


def test_after_a_rotation_the_first_call_works(publisher: Publisher) -> None:
    with http_server(publisher.reply) as server:
        published = publisher.keys(server)
        published.find("ec-1")
        publisher.says = answer({"keys": [NEW.jwk]})
        publisher.now += COOLDOWN_S
        found = published.find("ec-2")
        assert found is not None
        assert found.kid == "ec-2"
        assert published.find("ec-1") is None


def test_of_many_first_calls_with_a_new_key_all_work_and_one_fetches(publisher: Publisher) -> None:
    def slow(server: Server, path: str) -> Answer:
        time.sleep(0.2)
        return publisher.says

    with http_server(slow) as server, ThreadPoolExecutor(10) as threads:
        published = publisher.keys(server)
        found = list(threads.map(lambda _: published.find("ec-1"), range(10)))
    assert all(found)
    assert len(server.paths) == 1


def test_a_thousand_unknown_ids_cost_the_publisher_one_fetch_in_a_cooldown(publisher: Publisher) -> None:
    with http_server(publisher.reply) as server:
        published = publisher.keys(server)
        published.find("ec-1")
        for number in range(1, 1001):
            publisher.now = 1000 + COOLDOWN_S * number / 1000  # The last comes a cooldown after the first fetch.
            assert published.find(f"made up {number}") is None
            assert published.find("ec-1") is not None
    assert len(server.paths) == 2


def test_a_set_that_cannot_be_had_is_not_asked_for_again_within_the_cooldown(publisher: Publisher) -> None:
    publisher.says = (500, {"Retry-After": "3600"}, b"")
    with http_server(publisher.reply) as server:
        published = publisher.keys(server)
        for _ in range(5):
            with pytest.raises(NoKeys):
                published.find("ec-1")
        assert len(server.paths) == 1
        publisher.says = answer({"keys": [EC.jwk]})
        publisher.now += COOLDOWN_S
        assert published.find("ec-1") is not None
    assert publisher.told == ["the key server answered with status 500"]


def test_the_last_good_set_is_kept_when_a_fetch_fails(publisher: Publisher) -> None:
    with http_server(publisher.reply) as server:
        published = publisher.keys(server)
        published.find("ec-1")
        for bad in (
            (503, {}, b""),
            (200, {}, b"<html>"),
            answer({"keys": []}),
            answer({"keys": [NEW.jwk, {**EC.jwk, "d": "AAAA"}]}),
            answer({"keys": [NEW.jwk, {**RSA.jwk, "kid": "ec-2"}]}),
            (302, {"Location": "http://127.0.0.1/"}, b""),
        ):
            publisher.says = bad
            publisher.now += COOLDOWN_S
            assert published.find("ec-2") is None
            assert published.find("ec-1") is not None
    # The server is gone altogether.
    publisher.now += 10 * FRESH_S
    assert published.find("ec-1") is not None


def test_a_set_grows_old_and_is_renewed_while_calls_go_on(publisher: Publisher) -> None:
    asked = threading.Event()
    release = threading.Event()

    def held(server: Server, path: str) -> Answer:
        if len(server.seen) > 1:
            asked.set()
            release.wait(20)
        return publisher.says

    with http_server(held) as server:
        published = publisher.keys(server)
        published.find("ec-1")
        publisher.says = answer({"keys": [NEW.jwk]})
        publisher.now += FRESH_S
        assert published.find("ec-1") is not None
        assert len(server.paths) == 1  # At exactly that age it is still fresh.
        publisher.now += 1
        # The key is known, so nobody waits for the set that is being fetched.
        assert published.find("ec-1") is not None
        assert asked.wait(20)
        assert published.find("ec-1") is not None
        release.set()
        # A call with an unknown key does wait for it, and then the withdrawn key is gone.
        assert published.find("ec-2") is not None
        assert published.find("ec-1") is None
    assert len(server.paths) == 2


def test_no_redirect_is_followed(publisher: Publisher) -> None:
    with http_server(lambda server, path: answer({"keys": [EC.jwk]})) as elsewhere:
        publisher.says = (302, {"Location": f"{elsewhere.base}/jwks.json"}, b"")
        with http_server(publisher.reply) as server, pytest.raises(NoKeys):
            publisher.keys(server).find("ec-1")
    assert elsewhere.paths == []
    assert publisher.told == ["the key server answered with a redirect, which is not followed"]


def test_a_publisher_whose_name_leads_to_a_forbidden_place_is_one_that_does_not_answer(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(transport: Transport, url: str, token: str, *, deadline: float, allowance: Allowance) -> bytes:
        raise NotAllowedServer

    monkeypatch.setattr(Transport, "get", refused)
    with http_server(publisher.reply) as server, pytest.raises(NoKeys):
        publisher.keys(server).find("ec-1")
    assert publisher.told == ["the key server's name leads where nothing is read from"]


def test_a_set_of_ten_megabytes_is_not_read_to_its_end(publisher: Publisher) -> None:
    publisher.says = (200, {}, b" " * 10_000_000 + document(EC.jwk))
    with http_server(publisher.reply) as server, pytest.raises(NoKeys):
        publisher.keys(server).find("ec-1")
    assert publisher.told == ["the key server sent more than is read for one request"]


def test_a_publisher_that_never_comes_to_an_end_is_cut_off(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "FETCH_S", 0.3)

    def talk(connection: socket.socket, over: threading.Event) -> None:
        drip(connection, b"HTTP/1.1 200 OK\r\nX-Drip: " + b"x" * 10_000, over)

    with raw_server(talk) as server, pytest.raises(NoKeys):
        returns(lambda: publisher.keys(server).find("ec-1"))
    assert publisher.told == ["the key server did not answer in time"]


def test_the_sets_of_all_clients_share_their_places(publisher: Publisher) -> None:
    release = threading.Event()
    waiting = threading.Semaphore(0)

    def held(server: Server, path: str) -> Answer:
        waiting.release()
        release.wait(20)
        return publisher.says

    with http_server(held) as server, ThreadPoolExecutor(1) as threads:
        places = threading.BoundedSemaphore(1)
        slow, other = (publisher.keys(server, places) for _ in range(2))
        first = threads.submit(slow.find, "ec-1")
        assert waiting.acquire(timeout=20)
        with pytest.raises(NoKeys):
            other.find("ec-1")
        release.set()
        assert first.result(timeout=20) is not None
        assert other.find("ec-1") is not None


def test_not_more_calls_wait_for_a_set_than_there_are_places(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "MAX_WAITING", 2)
    release = threading.Event()
    waiting = threading.Semaphore(0)

    def held(server: Server, path: str) -> Answer:
        waiting.release()
        release.wait(20)
        return publisher.says

    with http_server(held) as server, ThreadPoolExecutor(2) as threads:
        published = publisher.keys(server)
        first = threads.submit(published.find, "ec-1")
        assert waiting.acquire(timeout=20)
        second = threads.submit(published.find, "ec-1")
        while published._places._value:  # Until the second waits as well.
            time.sleep(0.01)
        with pytest.raises(NoKeys):
            published.find("ec-1")
        release.set()
        assert first.result(20) is not None
        assert second.result(20) is not None
    assert len(server.paths) == 1
