"""The public keys of a client: pinned, or fetched as a JWK Set (RFC 7517) from the one address that is configured."""

from __future__ import annotations

import threading
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterable, Mapping
from typing import Literal, Protocol

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from .address import NotAllowedServer
from .objects import read_object
from .transport import Allowance, Transport, Unanswered

Algorithm = Literal["ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
"""What a client may be allowed to sign with: asymmetric algorithms alone."""

MAX_SET = 262_144
"""So many bytes may a JWK Set have."""
MAX_KEYS = 100
"""So many keys may a set have."""
FETCH_S = 3.0
"""Seconds that a fetch may take in all."""
COOLDOWN_S = 10.0
"""Seconds between two fetches of a set, whatever asks for it and however the last one ended."""
FRESH_S = 600.0
"""Seconds after which a set is fetched anew, so that a key that was withdrawn does not stay for good."""
MAX_WAITING = 16
"""So many calls of a worker wait at most for sets that are being fetched."""

_LEAST_RSA_BITS, _MOST_RSA_BITS = 2048, 8192
_CURVES = {"P-256": ("ES256",), "P-384": ("ES384",), "P-521": ("ES512",)}
_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_SECRET = frozenset(("d", "p", "q", "dp", "dq", "qi", "oth", "k"))


class BadKeys(ValueError):
    """A JWK Set that is not used at all. The message says why, without anything of its content."""


class NoKeys(Exception):
    """A client's keys cannot be had now: nobody can tell whether a token is the client's."""


class VerifyingKey(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A public key and the algorithms that it may verify."""

    kid: str
    algorithms: tuple[str, ...]
    key: ECKey | RSAKey


class Keys(Protocol):
    """Where the keys of a client are looked up."""

    def find(self, kid: str, /) -> VerifyingKey | None:
        """The key of this id, None where the client has none. Raises NoKeys."""


def read_keys(document: bytes) -> tuple[VerifyingKey, ...]:
    """The keys of a JWK Set that can verify a signature.

    Left out are keys for encryption, of other kinds, without `kid`, or weaker than 2048 bits of RSA. Raises BadKeys
    for a set with a secret in it (a private or symmetric key), with one `kid` twice, with a key that is none, or
    without any key to use: then nothing of it is trusted.
    """
    if len(document) > MAX_SET:
        raise BadKeys(f"larger than {MAX_SET} bytes")
    try:
        listed = msgspec.convert(read_object(document).get("keys"), list[dict[str, object]])
    except (ValueError, msgspec.ValidationError):
        raise BadKeys("not a JWK Set") from None
    if len(listed) > MAX_KEYS:
        raise BadKeys(f"more than {MAX_KEYS} keys")
    if any(_SECRET & each.keys() or each.get("kty") == "oct" for each in listed):
        raise BadKeys("a private or symmetric key is in it")
    kids = [str(each["kid"]) for each in listed if "kid" in each]
    if len(set(kids)) < len(kids):
        raise BadKeys("two keys have the same kid")
    found = tuple(key for key in map(_read_key, listed) if key is not None)
    if not found:
        raise BadKeys("no key that verifies signatures is in it")
    return found


class _Jwk(msgspec.Struct, frozen=True, kw_only=True):
    """The members of a JWK that decide whether it is used, and for what."""

    kty: str
    kid: str = ""
    use: str = "sig"
    key_ops: tuple[str, ...] = ("verify",)
    alg: str = ""
    crv: str = ""
    x: str = ""
    y: str = ""
    n: str = ""
    e: str = ""


def _read_key(members: Mapping[str, object]) -> VerifyingKey | None:
    try:
        jwk = msgspec.convert(members, _Jwk)
        fitting = _CURVES.get(jwk.crv, ()) if jwk.kty == "EC" else _RSA if jwk.kty == "RSA" else ()
        algorithms = tuple(name for name in fitting if jwk.alg in ("", name))
        if not (jwk.kid and algorithms and jwk.use == "sig" and "verify" in jwk.key_ops):
            return None
        key: ECKey | RSAKey
        if jwk.kty == "EC":
            key = ECKey.import_key({"kty": "EC", "crv": jwk.crv, "x": jwk.x, "y": jwk.y})
            key.public_key  # noqa: B018  Here a point that is not on the curve is found.
        else:
            bits = int.from_bytes(urlsafe_b64decode(jwk.n + "=" * (-len(jwk.n) % 4))).bit_length()
            if 0 < bits < _LEAST_RSA_BITS or bits > _MOST_RSA_BITS:
                return None
            key = RSAKey.import_key({"kty": "RSA", "n": jwk.n, "e": jwk.e})
    except (JoseError, ValueError, msgspec.ValidationError):
        raise BadKeys("a key in it cannot be read") from None
    return VerifyingKey(kid=jwk.kid, algorithms=algorithms, key=key)


class PinnedKeys:
    """Keys that came with the configuration and never change."""

    def __init__(self, keys: Iterable[VerifyingKey]) -> None:
        self._by_kid = {key.kid: key for key in keys}

    def find(self, kid: str, /) -> VerifyingKey | None:
        """The key of this id."""
        return self._by_kid.get(kid)


class PublishedKeys:
    """The set that a client publishes: kept, renewed in the background, fetched at once where a new `kid` appears.

    A fetch that fails leaves the last good set in use. There is at most one fetch in `COOLDOWN_S`, so that tokens with
    made-up ids cost the publisher nothing; such a token is refused, and a call with a known key waits for no fetch.
    """

    def __init__(
        self,
        url: str,
        fetch: Callable[[str], bytes],
        *,
        told: Callable[[str], None] = lambda reason: None,
        clock: Callable[[], float] = time.monotonic,
        places: threading.Semaphore | None = None,
    ) -> None:
        """`fetch` gets the document or raises Unanswered; `told` hears why a fetch brought nothing.

        `places` are those in which calls may wait, shared with the sets of other clients; without them there are
        `MAX_WAITING` for this set alone.
        """
        self._url = url
        self._fetch = fetch
        self._told = told
        self._clock = clock
        self._by_kid: Mapping[str, VerifyingKey] = {}
        self._tried = self._fetched = float("-inf")
        self._fetching = threading.Lock()
        self._places = places or threading.BoundedSemaphore(MAX_WAITING)

    def find(self, kid: str, /) -> VerifyingKey | None:
        """The key of this id. Raises NoKeys while no set was had, or while too many calls wait for one."""
        known = self._by_kid.get(kid)
        if known is None:
            self._renew_now()
            known = self._by_kid.get(kid)
        elif self._clock() - self._fetched > FRESH_S and self._may_try() and self._fetching.acquire(blocking=False):
            self._renew_aside()
        if known is None and not self._by_kid:
            raise NoKeys
        return known

    def warm(self) -> None:
        """Fetches the set before anybody asks for it, so that nobody has to wait."""
        if self._fetching.acquire(timeout=FETCH_S):
            self._renew_locked()

    def _may_try(self) -> bool:
        return self._clock() - self._tried >= COOLDOWN_S

    def _renew_now(self) -> None:
        """Fetches, or waits for the fetch that is under way, and does neither within the cooldown."""
        if not self._may_try() and not self._fetching.locked():
            return
        if not self._places.acquire(blocking=False):
            raise NoKeys
        try:
            if self._fetching.acquire(timeout=FETCH_S):
                self._renew_locked()
        finally:
            self._places.release()

    def _renew_aside(self) -> None:
        """Fetches in a thread of its own; the lock is held already."""
        try:
            threading.Thread(target=self._renew_locked, daemon=True).start()
        except RuntimeError:  # No thread is to be had: then the next call tries again.
            self._fetching.release()

    def _renew_locked(self) -> None:
        """Fetches unless another has done so meanwhile; gives the lock back."""
        try:
            if not self._may_try():
                return
            self._tried = self._clock()
            self._by_kid = {key.kid: key for key in read_keys(self._fetch(self._url))}
            self._fetched = self._clock()
        except (Unanswered, BadKeys) as fault:
            self._told(str(fault))
        finally:
            self._fetching.release()


def fetcher(transport: Transport) -> Callable[[str], bytes]:
    """Gets a JWK Set over this transport: no redirect is followed, size and time are bounded."""

    def fetch(url: str) -> bytes:
        try:
            return transport.get(url, "", deadline=time.monotonic() + FETCH_S, allowance=Allowance(MAX_SET))
        except NotAllowedServer:
            raise Unanswered("the key server's name leads where nothing is read from") from None
        except Unanswered as fault:
            raise Unanswered(fault.reason.replace("FHIR server", "key server")) from None

    return fetch
