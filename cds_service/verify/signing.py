"""Tokens of a client, good and bad ones, signed with a key that the service under test was told to trust."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid
from typing import Literal, TypeAlias

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

Claim: TypeAlias = "str | int"
Key: TypeAlias = "ECKey | RSAKey"
LIFE_S = 300
"""Seconds that a token lives: what the specification's example and the public sandbox use."""
_ALGORITHMS: dict[str, Literal["ES256", "ES384", "ES512"]] = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}


class KeyUnusable(Exception):
    """The key is no private EC or RSA key in PEM or JWK."""


def read_key(text: bytes) -> Key:
    """A private key in PEM or as a JWK. Raises KeyUnusable, never with the key."""
    try:
        if text.lstrip().startswith(b"{"):
            value = json.loads(text)
            key: Key = ECKey.import_key(value) if value.get("kty") == "EC" else RSAKey.import_key(value)
        else:
            try:
                key = ECKey.import_key(text)
            except (JoseError, ValueError, TypeError):
                key = RSAKey.import_key(text)
    except (JoseError, ValueError, TypeError, AttributeError, KeyError):
        raise KeyUnusable("the key is no private EC or RSA key in PEM or JWK") from None
    if not key.is_private or (isinstance(key, ECKey) and key.curve_name not in _ALGORITHMS):
        raise KeyUnusable("the key is no private EC or RSA key in PEM or JWK")
    return key


class Signer:
    """Signs as the client `issuer` for the service whose public base address is `audience`."""

    def __init__(self, key: Key, *, issuer: str, audience: str, kid: str = "", jku: str = "") -> None:
        self._key = key
        self._issuer = issuer
        self._audience = audience
        self._jku = jku
        self.kid = kid or str(key.as_dict(private=False).get("kid") or key.thumbprint())
        self.algorithm = _ALGORITHMS[key.curve_name] if isinstance(key, ECKey) else "RS384"

    def authorization(self, path: str) -> str:
        """The header with a fresh token for a path below the base."""
        return f"Bearer {self.token(path)}"

    def token(self, path: str, *, key: Key | None = None, **claims: Claim) -> str:
        """A token, by default a good one; other claims or another key make it a bad one."""
        return jwt.encode(
            self._header(self.algorithm), self._claims(path) | claims, key or self._key, algorithms=[self.algorithm]
        )

    def expired(self, path: str) -> str:
        """A token that was good an hour ago."""
        then = int(time.time()) - 3600
        return self.token(path, iat=then, exp=then + LIFE_S)

    def forged(self, path: str) -> str:
        """A token signed by a key that nobody was told of, under the kid of the real one."""
        if isinstance(self._key, ECKey):
            return self.token(path, key=ECKey.generate_key(self._key.curve_name))
        return self.token(path, key=RSAKey.generate_key(2048))

    def unsigned(self, path: str) -> str:
        """A token with alg none. By hand, since no library makes one."""
        return f"{self._signed_part('none', path)}."

    def symmetric(self, path: str) -> str:
        """A token with HS256 whose secret is the public key in PEM. By hand, since no library makes one."""
        part = self._signed_part("HS256", path)
        signature = hmac.new(self._key.as_pem(private=False), part.encode(), hashlib.sha256).digest()
        return f"{part}.{_base64(signature)}"

    def _signed_part(self, algorithm: str, path: str) -> str:
        header, claims = self._header(algorithm), self._claims(path)
        return f"{_base64(json.dumps(header).encode())}.{_base64(json.dumps(claims).encode())}"

    def _header(self, algorithm: str) -> dict[str, str]:
        return {"alg": algorithm, "typ": "JWT", "kid": self.kid, **({"jku": self._jku} if self._jku else {})}

    def _claims(self, path: str) -> dict[str, Claim]:
        now = int(time.time())
        return {
            "iss": self._issuer,
            "aud": self._audience + path,
            "iat": now,
            "exp": now + LIFE_S,
            "jti": str(uuid.uuid4()),
        }


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
