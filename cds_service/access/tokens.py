"""The token of a call: a JWT that shows which client calls (CDS Hooks 2.0, "Trusting CDS Clients").

Everything that can be refused without a key is refused first; a token counts as used only when all else holds.
"""

from __future__ import annotations

import hashlib
import re
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Literal

import msgspec
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry, deserialize_compact

from .client import Client
from .keys import Keys, NoKeys
from .objects import read_object
from .replay import ReplayStore, StoreFailure

MAX_TOKEN = 8192
"""So many characters may a token have."""
LEEWAY_S = 60
"""Seconds by which a client's clock may be wrong."""

Reason = Literal[
    "no-token",
    "too-long",
    "malformed",
    "header",
    "algorithm",
    "claims",
    "issuer",
    "audience",
    "expired",
    "not-yet-valid",
    "life",
    "jku",
    "key",
    "signature",
    "replayed",
]
"""Why a token is not taken. For our own log: the caller is never told."""

_BEARER = re.compile(r"bearer +([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)", re.IGNORECASE | re.ASCII)
_YEARS = msgspec.Meta(ge=0, le=253_402_300_799)  # To the last second of the year 9999.
_NumericDate = Annotated[int, _YEARS] | Annotated[float, _YEARS]
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TOKEN)]


class NotTrusted(Exception):
    """A call that did not show who makes it. `client` is our name of the client it claims to be, "" for none of ours."""

    def __init__(self, reason: Reason, client: str = "") -> None:
        super().__init__(reason)
        self.reason: Reason = reason
        self.client = client


class CannotVerify(Exception):
    """Nobody can tell now whether the token is good: the client's keys or the store of used tokens are not to be had."""

    def __init__(self, reason: Literal["keys", "store"], client: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.client = client


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    """The members of a JOSE header that are looked at; what a token brings as its own key must not be there."""

    typ: Literal["JWT"]
    alg: str
    kid: _Text
    jku: str | None = None
    crit: None = None
    b64: None = None
    jwk: None = None
    x5u: None = None
    x5c: None = None


class _Claims(msgspec.Struct, frozen=True, kw_only=True):
    iss: _Text
    aud: str | tuple[str, ...]
    exp: _NumericDate
    iat: _NumericDate
    nbf: _NumericDate | None = None
    jti: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    tenant: str | None = None


class _Registry(JWSRegistry):
    """What the library takes at most; clients name their key sets at length, so its 512 bytes of header are too few."""

    max_header_length = MAX_TOKEN
    max_payload_length = MAX_TOKEN
    max_signature_length = 2048


class Verifier:
    """Tells which client a call comes from."""

    def __init__(
        self,
        clients: Iterable[Client],
        keys: Mapping[str, Keys],
        used: ReplayStore,
        *,
        public_url: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`keys` are looked up by the id of the client; `public_url` is where clients call, without a final slash.

        `clock` gives seconds of the Unix epoch.
        """
        self._clients = {(client.issuer, tenant): client for client in clients for tenant in client.tenants or ("",)}
        self._keys = keys
        self._used = used
        self._public_url = public_url
        self._clock = clock

    def verify(self, authorization: str | None, *paths: str) -> Client:
        """The client whose token this Authorization header holds, addressed to one of these paths of the service.

        Raises NotTrusted, or CannotVerify where the client's keys or the used tokens cannot be had now.
        """
        header, claims, token = _read_token(authorization)
        client = self._client_of(claims)
        addresses = {*client.audiences, *(self._public_url + path for path in paths)}
        if addresses.isdisjoint((claims.aud,) if isinstance(claims.aud, str) else claims.aud):
            raise NotTrusted("audience", client.id)
        if header.alg not in client.algorithms:
            raise NotTrusted("algorithm", client.id)
        if header.jku is not None and header.jku != client.jku:
            raise NotTrusted("jku", client.id)
        now = self._clock()
        self._check_time(claims, client, now)
        self._check_signature(token, header, client)
        self._spend(claims, client, now)
        return client

    def problem(self) -> str:
        """Why no token could be taken now, in a word; "" where all is well."""
        try:
            self._used.check()
        except StoreFailure as fault:
            return str(fault)
        return ""

    def _client_of(self, claims: _Claims) -> Client:
        client = self._clients.get((claims.iss, claims.tenant or "")) or self._clients.get((claims.iss, ""))
        if client is None:
            raise NotTrusted("issuer")
        return client

    def _check_time(self, claims: _Claims, client: Client, now: float) -> None:
        """A token is good until, but not at, `exp` and the leeway; at exactly the leeway before `iat` it is good."""
        if not 0 < claims.exp - claims.iat <= client.token_life_s:
            raise NotTrusted("life", client.id)
        if now >= claims.exp + LEEWAY_S:
            raise NotTrusted("expired", client.id)
        if max(claims.iat, claims.nbf or 0) > now + LEEWAY_S:
            raise NotTrusted("not-yet-valid", client.id)

    def _check_signature(self, token: str, header: _Header, client: Client) -> None:
        try:
            key = self._keys[client.id].find(header.kid)
        except NoKeys:
            raise CannotVerify("keys", client.id) from None
        if key is None or header.alg not in key.algorithms:
            raise NotTrusted("key", client.id)
        try:
            # The library looks at header members that it knows; others are ignored, as RFC 7515 section 4 asks.
            deserialize_compact(token, key.key, registry=_Registry(algorithms=[header.alg], strict_check_header=False))
        except (JoseError, ValueError, TypeError, RecursionError):
            raise NotTrusted("signature", client.id) from None

    def _spend(self, claims: _Claims, client: Client, now: float) -> None:
        digest = hashlib.sha256(f"{claims.iss}\0{claims.jti}".encode()).digest()
        try:
            # Kept a little longer than it can be used: our clock may be set back.
            new = self._used.use(digest, until=claims.exp + 2 * LEEWAY_S, now=now)
        except StoreFailure:
            raise CannotVerify("store", client.id) from None
        if not new:
            raise NotTrusted("replayed", client.id)


def _read_token(authorization: str | None) -> tuple[_Header, _Claims, str]:
    """Header and claims, not yet believed, and the token itself."""
    if not authorization:
        raise NotTrusted("no-token")
    if len(authorization) > MAX_TOKEN:
        raise NotTrusted("too-long")
    parts = _BEARER.fullmatch(authorization)
    if parts is None:
        raise NotTrusted("malformed")
    try:
        header, claims = read_object(_decode(parts[1])), read_object(_decode(parts[2]))
    except ValueError:
        raise NotTrusted("malformed") from None
    try:
        read_header = msgspec.convert(header, _Header)
    except msgspec.ValidationError:
        raise NotTrusted("header") from None
    try:
        read_claims = msgspec.convert(claims, _Claims)
    except msgspec.ValidationError:
        raise NotTrusted("claims") from None
    if not (read_claims.jti.strip() and read_claims.jti.isprintable()):
        raise NotTrusted("claims")
    return read_header, read_claims, ".".join(parts.groups())


def _decode(segment: str) -> bytes:
    return urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
