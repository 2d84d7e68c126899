"""Tokens that nobody may take, each with the reason, as they are known from attacks on other services."""

from __future__ import annotations

import hmac
import json
from typing import Any

from .callers import EHR, PUBLIC, VIEW, Json, Signer, claims_of, elliptic, encoded, encoded_bytes, header_of, rsa

JKU = f"{EHR}/jwks.json"
"""The JWK Set that the client may name."""
SIGNERS = (elliptic(), rsa(), elliptic("ec-256", "P-256"), rsa("rsa-256", "RS256"), rsa("rsa-pss", "PS384"))
"""The keys that the client has; the first two alone sign with an algorithm that was agreed."""
STRANGER = Signer("ec-1", "ES384", elliptic("of a stranger").key)
PEM = SIGNERS[0].key.as_pem(private=False)


def forgeries(now: float) -> dict[str, tuple[str, str]]:
    """By name: why it is refused, and a token for a call of `VIEW` at this time (seconds of the Unix epoch)."""
    header, claims = header_of(SIGNERS[0]), claims_of(now=now)

    def token(signer: Signer = SIGNERS[0], head: Json | None = None, **changes: Any) -> str:
        return signer.sign(header_of(signer, **(head or {})), claims_of(now=now, **changes))

    def signed(head: str | Json, body: str | Json) -> str:
        return SIGNERS[0].sign(head, body)

    def with_secret(secret: bytes, digest: str, **changes: Any) -> str:
        """Under a secret that everybody knows: the public key."""
        text = f"{encoded({**header, **changes})}.{encoded(claims)}"
        return f"{text}.{encoded_bytes(hmac.digest(secret, text.encode(), digest))}"

    def unsigned(alg: str) -> str:
        return f"{encoded({**header, 'alg': alg})}.{encoded(claims)}."

    def text_of(part: Json, member: str, text: str) -> str:
        """The JSON of a part in which a member has any text for its value."""
        return json.dumps({**part, member: "@"}).replace('"@"', text)

    return {
        "none": ("malformed", unsigned("none")),
        "nOnE": ("malformed", unsigned("nOnE")),
        "none with a signature": ("algorithm", unsigned("none") + "AAAA"),
        "HS256 with the PEM": ("algorithm", with_secret(PEM, "sha256", alg="HS256")),
        "HS384 with the JWK": ("algorithm", with_secret(json.dumps(SIGNERS[0].jwk).encode(), "sha384", alg="HS384")),
        "an HMAC said to be ES384": ("signature", with_secret(PEM, "sha384")),
        "ES256": ("algorithm", token(SIGNERS[2])),
        "RS256": ("algorithm", token(SIGNERS[3])),
        "PS384": ("algorithm", token(SIGNERS[4])),
        "the algorithm of another kind of key": ("key", token(SIGNERS[0], {"alg": "RS384"})),
        "the key of another algorithm": ("key", token(SIGNERS[1], {"kid": "rsa-256"})),
        "the key of a stranger": ("signature", token(STRANGER)),
        "a signature of zeros": ("signature", token().rpartition(".")[0] + "." + "A" * 128),
        "a short signature": ("signature", token().rpartition(".")[0] + ".AAAA"),
        "an unknown kid": ("key", token(head={"kid": "unknown"})),
        "no kid": ("header", token(head={"kid": None})),
        "a kid of nothing": ("header", token(head={"kid": ""})),
        "a list of kids": ("header", token(head={"kid": ["ec-1"]})),
        "a kid like a path": ("key", token(head={"kid": "../../dev/null"})),
        "no typ": ("header", token(head={"typ": None})),
        "an access token": ("header", token(head={"typ": "at+jwt"})),
        "crit": ("header", token(head={"crit": ["exp"], "exp": 1})),
        "crit null": ("signature", signed(text_of(header, "crit", "null"), claims)),
        "b64 false": ("header", token(head={"crit": ["b64"], "b64": False})),
        "a key of its own": ("header", STRANGER.sign(header_of(STRANGER, jwk=STRANGER.jwk), claims)),
        "x5u": ("header", token(head={"x5u": "https://evil.example.org"})),
        "x5c": ("header", token(head={"x5c": ["AAAA"]})),
        "a foreign jku": ("jku", token(head={"jku": "https://evil.example.org/jwks.json"})),
        "a jku that only looks alike": ("jku", token(head={"jku": f"{EHR}/jwks.json?"})),
        "a jku that is no text": ("header", token(head={"jku": 1})),
        "two parts": ("malformed", token().rpartition(".")[0]),
        "four parts": ("malformed", token() + ".AAAA"),
        "padding": ("malformed", token() + "="),
        "the first letter is missing": ("malformed", token()[1:]),
        "a list for a header": ("malformed", f"{encoded('[]')}.{encoded(claims)}.AAAA"),
        "half a header": ("malformed", f"{encoded('{')}.{encoded(claims)}.AAAA"),
        "no claims": ("malformed", signed(header, "null")),
        "text after the claims": ("malformed", signed(header, json.dumps(claims) + "{}")),
        "deep nesting": ("malformed", signed(header, "[" * 3000)),
        "5000 digits": ("malformed", signed(header, text_of(claims, "iat", "9" * 5000))),
        "exp NaN": ("malformed", signed(header, text_of(claims, "exp", "NaN"))),
        "exp Infinity": ("malformed", signed(header, text_of(claims, "exp", "Infinity"))),
        "exp 1e400": ("malformed", signed(header, text_of(claims, "exp", "1e400"))),
        "exp of 400 digits": ("claims", signed(header, text_of(claims, "exp", "9" * 400))),
        "half a character": ("malformed", signed(header, text_of(claims, "jti", '"\\ud800"'))),
        "half a character for typ": ("malformed", signed(text_of(header, "typ", '"\\ud800"'), claims)),
        "half a character for exp": ("malformed", signed(header, text_of(claims, "exp", '"\\udc00"'))),
        "exp twice": ("malformed", signed(header, json.dumps(claims)[:-1] + ', "exp": 9}')),
        "alg twice": ("malformed", signed(json.dumps(header)[:-1] + ', "alg": "none"}', claims)),
        "an unlisted issuer": ("issuer", token(iss="https://evil.example.org")),
        "an issuer with a slash": ("issuer", token(iss=EHR + "/")),
        "a list of issuers": ("claims", token(iss=[EHR])),
        "no issuer": ("claims", token(iss=None)),
        "no audience": ("claims", token(aud=None)),
        "a number for an audience": ("claims", token(aud=1)),
        "an empty audience": ("audience", token(aud=[])),
        "a number among the audiences": ("claims", token(aud=[PUBLIC + VIEW, 1])),
        "the service as a whole": ("audience", token(aud=PUBLIC)),
        "an audience with a slash": ("audience", token(aud=PUBLIC + VIEW + "/")),
        "an audience in capitals": ("audience", token(aud=(PUBLIC + VIEW).upper())),
        "an audience in plain http": ("audience", token(aud="http" + (PUBLIC + VIEW)[5:])),
        "the audience of discovery": ("audience", token(aud=PUBLIC + "/cds-services")),
        "no exp": ("claims", token(exp=None)),
        "exp as text": ("claims", token(exp=str(int(now) + 300))),
        "exp true": ("claims", token(exp=True)),
        "no iat": ("claims", token(iat=None)),
        "past its time": ("expired", token(iat=now - 420, exp=now - 120)),
        "of the time to come": ("not-yet-valid", token(iat=now + 120, exp=now + 420)),
        "not to be used yet": ("not-yet-valid", token(nbf=now + 120)),
        "a second more than 300": ("life", token(exp=now + 301)),
        "ten years": ("life", token(exp=now + 315_360_000)),
        "no life at all": ("life", token(exp=now)),
        "exp before iat": ("life", token(iat=now + 100, exp=now - 50)),
        "no jti": ("claims", token(jti=None)),
        "a jti of nothing": ("claims", token(jti="")),
        "a blank jti": ("claims", token(jti=" ")),
        "a jti of 257 letters": ("claims", token(jti="x" * 257)),
        "a jti that is a number": ("claims", token(jti=7)),
        "a jti with a zero": ("claims", token(jti="a\x00b")),
        "a header of 1 MB": ("too-long", token(head={"pad": "x" * 1_000_000})),
    }
