"""What it costs to know the caller: one good token after another through the verifier, and its parts by themselves."""

from __future__ import annotations

import json
import secrets
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from statistics import median
from typing import TypeVar

import msgspec
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from cds_service.access.client import Client
from cds_service.access.keys import PinnedKeys, read_keys
from cds_service.access.replay import ReplayStore
from cds_service.access.tokens import NotTrusted, Verifier

from .figures import Cost

TOKENS = 300
"""So many tokens of each kind; the middle one counts."""

_PUBLIC = "https://cds.example.org"
_PATH = "/cds-services/myositis-order-sign"
_ISSUER = "https://ehr.example.org"
_T = TypeVar("_T")


def measure_trust(tokens: int = TOKENS) -> tuple[Cost, ...]:
    """The costs in microseconds of processor and disk, in one process, beside nothing else."""
    published = [{**key.as_dict(private=False), "kid": name} for name, key in _keys().items()]
    keys = PinnedKeys(read_keys(json.dumps({"keys": published}).encode()))
    with tempfile.TemporaryDirectory() as folder:
        store = ReplayStore(Path(folder) / "used.sqlite3")
        verifier = Verifier([Client(id="ehr", issuer=_ISSUER)], {"ehr": keys}, store, public_url=_PUBLIC)
        costs = [
            _cost(f"a token in {name} verified", verify(verifier), [_sign(name) for _ in range(tokens)])
            for name in _keys()
        ]
        now = time.time()
        digests = [secrets.token_bytes(32) for _ in range(tokens)]
        costs.append(_cost("of it: remembered as used", lambda each: _use(store, each, now), digests))
        late = [_sign("ES384", iat=int(now) - 900, exp=int(now) - 600) for _ in range(tokens)]
        costs.append(_cost("an expired token refused", refuse(verifier), late))
        store.close()
    return tuple(costs)


def verify(verifier: Verifier) -> Callable[[str], object]:
    """Takes a token that must be good."""
    return lambda token: verifier.verify(f"Bearer {token}", _PATH)


def refuse(verifier: Verifier) -> Callable[[str], object]:
    """Takes a token that must not be."""

    def refused(token: str) -> None:
        try:
            verifier.verify(f"Bearer {token}", _PATH)
        except NotTrusted:
            return
        raise AssertionError("a token that should be refused was taken")

    return refused


@cache
def _keys() -> Mapping[str, ECKey | RSAKey]:
    return {"ES384": ECKey.generate_key("P-384"), "RS384": RSAKey.generate_key(2048)}


def _sign(name: str, **changes: int) -> str:
    now = int(time.time())
    claims = {"iss": _ISSUER, "aud": _PUBLIC + _PATH, "iat": now, "exp": now + 300, "jti": secrets.token_hex(16)}
    return jwt.encode({"alg": name, "kid": name}, {**claims, **changes}, _keys()[name], algorithms=[name])


def _use(store: ReplayStore, token: bytes, now: float) -> None:
    if not store.use(token, until=now + 360, now=now):
        raise AssertionError("a new token was known")


def _cost(what: str, call: Callable[[_T], object], given: Iterable[_T]) -> Cost:
    spent = []
    for each in given:
        started = time.perf_counter()
        call(each)
        spent.append(time.perf_counter() - started)
    return Cost(what=what, us=median(spent) * 1_000_000)


if __name__ == "__main__":
    print(msgspec.json.format(msgspec.json.encode(measure_trust())).decode())
