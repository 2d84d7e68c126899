"""Clients that sign their calls: keys of the tests' own, clients' files, and tokens as good or as bad as wanted."""

from __future__ import annotations

import json
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

Json = dict[str, Any]

PUBLIC = "https://cds.example.org"
EHR = "https://ehr.example.org/fhir"
"""An issuer."""
DISCOVERY = "/cds-services"
VIEW = "/cds-services/myositis-patient-view"


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key with its id and the algorithm that it signs with."""

    kid: str
    algorithm: str
    key: ECKey | RSAKey

    @property
    def jwk(self) -> Json:
        """The public half, as a client publishes it."""
        return {**self.key.as_dict(private=False), "kid": self.kid, "use": "sig", "alg": self.algorithm}

    def sign(self, header: str | Json, claims: str | Json) -> str:
        """A token of this header and these claims, JSON or any text in its place."""
        signed = f"{encoded(header)}.{encoded(claims)}"
        signature = JWSRegistry.algorithms[self.algorithm].sign(signed.encode(), self.key)
        return f"{signed}.{encoded_bytes(signature)}"


def encoded(part: str | Json) -> str:
    """A part of a token."""
    return encoded_bytes((part if isinstance(part, str) else json.dumps(part)).encode())


def encoded_bytes(part: bytes) -> str:
    """A part of a token that is not text."""
    return urlsafe_b64encode(part).rstrip(b"=").decode()


@cache
def elliptic(kid: str = "ec-1", curve: str = "P-384") -> Signer:
    """A key on a curve; the same id has the same key."""
    size = {"P-256": "256", "P-384": "384", "P-521": "512"}[curve]
    return Signer(kid, f"ES{size}", ECKey.generate_key(curve))


@cache
def rsa(kid: str = "rsa-1", algorithm: str = "RS384") -> Signer:
    """An RSA key; the same id has the same key."""
    return Signer(kid, algorithm, RSAKey.generate_key(2048))


def claims_of(path: str = VIEW, *, now: float | None = None, **changes: Any) -> Json:
    """The claims of a call of a path; a change to None leaves the claim out."""
    issued = int(time.time() if now is None else now)
    claims = {
        "iss": EHR,
        "aud": PUBLIC + path,
        "iat": issued,
        "exp": issued + 300,
        "jti": uuid.uuid4().hex,
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def header_of(signer: Signer, **changes: Any) -> Json:
    """The header of a token; a change to None leaves the member out."""
    header = {"typ": "JWT", "alg": signer.algorithm, "kid": signer.kid, **changes}
    return {name: value for name, value in header.items() if value is not None}


def bearer(path: str = VIEW, signer: Signer | None = None, **changes: Any) -> str:
    """A good Authorization header for a call of a path, but for the changes of its claims."""
    signer = signer or elliptic()
    return f"Bearer {signer.sign(header_of(signer), claims_of(path, **changes))}"


def write_keys(file: Path, *signers: Signer) -> Path:
    """A JWK Set in a file."""
    file.write_text(json.dumps({"keys": [signer.jwk for signer in signers or (elliptic(), rsa())]}))
    return file


def write_clients(folder: Path, **entries: Mapping[str, object]) -> Path:
    """A clients' file; an entry without keys of its own has those of `elliptic` and `rsa`."""
    write_keys(folder / "keys.json")
    lines = []
    for name, entry in entries.items():
        keys = {} if entry.keys() & {"jwks_url", "jwks_file"} else {"jwks_file": "keys.json"}
        # TOML writes strings, numbers and lists of them as JSON does.
        lines += [f"[client.{name}]", *(f"{key} = {json.dumps(value)}" for key, value in {**entry, **keys}.items())]
    file = folder / "clients.toml"
    file.write_text("\n".join(lines))
    return file


class _Signing(FlaskClient):
    """Signs each call as the client of `EHR` would."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        headers = dict(kwargs.pop("headers", None) or {})
        headers.setdefault("Authorization", bearer(str(args[0])))
        return super().open(*args, headers=headers, **kwargs)


def signing(client: FlaskClient) -> FlaskClient:
    """The same service called by one that signs."""
    return _Signing(client.application, client.response_wrapper)
