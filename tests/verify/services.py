"""A small CDS service that keeps to the letter, on a real socket, and room for one fault in it.

It is written apart from our own, so that the two do not share a misreading.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

ISSUER = "https://ehr.example.org"
KID = "test-key"
NOT_JSON: Any = object()


@dataclass(frozen=True, kw_only=True)
class Request:
    """What came: the body decoded, NOT_JSON where it is none."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any = None

    @property
    def is_call(self) -> bool:
        return self.method == "POST" and self.path in ("/cds-services/orders", "/cds-services/chart")

    @property
    def is_feedback(self) -> bool:
        return self.method == "POST" and self.path.endswith("/feedback")

    @property
    def is_discovery(self) -> bool:
        return self.method == "GET"

    @property
    def prefetch(self) -> dict[str, Any]:
        return (self.body.get("prefetch") or {}) if isinstance(self.body, dict) else {}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What goes out."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


def refused(status: int, text: str) -> Answer:
    issue = {"severity": "error", "code": "invalid", "diagnostics": text}
    return Answer(status=status, body={"resourceType": "OperationOutcome", "issue": [issue]})


TEMPLATES = {
    "patient": "Patient/{{context.patientId}}",
    "requests": "MedicationRequest?patient={{context.patientId}}",
}
DISCOVERY = {
    "services": [
        {
            "id": "chart",
            "hook": "patient-view",
            "title": "The chart",
            "description": "Looks at the chart.",
            "version": "2.0.1",
            "prefetch": TEMPLATES,
        },
        {
            "id": "orders",
            "hook": "order-sign",
            "title": "The orders",
            "description": "Looks at orders.",
            "version": "2.0.1",
            "prefetch": TEMPLATES,
        },
    ]
}
_DRUG = {
    "resourceType": "MedicationRequest",
    "status": "draft",
    "intent": "order",
    "subject": {"reference": "Patient/1"},
}
CARD = {
    "uuid": "11111111-1111-4111-8111-111111111111",
    "summary": "x" * 139,
    "indicator": "warning",
    "detail": "More of it.",
    "source": {
        "label": "A guideline",
        "url": "https://guideline.example.org/",
        "topic": {"code": "t1", "system": "https://guideline.example.org/topics"},
    },
    "selectionBehavior": "at-most-one",
    "suggestions": [
        {
            "label": "Do this",
            "uuid": "22222222-2222-4222-8222-222222222222",
            "isRecommended": True,
            "actions": [
                {"type": "create", "description": "Order it", "resource": _DRUG},
                {"type": "delete", "description": "Take it away", "resourceId": "MedicationRequest/1"},
            ],
        },
        {"label": "Do that", "uuid": "33333333-3333-4333-8333-333333333333"},
    ],
    "overrideReasons": [{"code": "r1", "system": "https://guideline.example.org/reasons", "display": "Seen"}],
    "links": [
        {"label": "Read", "url": "https://guideline.example.org/1", "type": "absolute"},
        {"label": "Start", "url": "https://app.example.org/launch", "type": "smart", "appContext": "{}"},
    ],
    "extension": {"org.example": {"rule": 1}},
}
SYSTEM_ACTION = {"type": "create", "description": "Note it", "resource": {**_DRUG}}


class GoodService:
    """Keeps to the letter. With a key it wants tokens of ISSUER, signed by it, each once."""

    def __init__(self, key: ECKey | None = None) -> None:
        self.key = key
        self.base = ""
        self._used: set[str] = set()

    def answer(self, request: Request) -> Answer:
        """As the specification has it, cross-origin headers included."""
        if request.method == "OPTIONS":
            return self.opened(Answer(status=204))
        if self.key is not None and not self.is_trusted(request):
            return self.opened(refused(401, "not authenticated"))
        return self.opened(self.judge(request))

    def opened(self, answer: Answer) -> Answer:
        """Any page may read it, without credentials."""
        return replace(
            answer,
            headers={
                **answer.headers,
                "Access-Control-Allow-Origin": "*",
                "Access-Control-Allow-Methods": "GET, POST",
                "Access-Control-Allow-Headers": "authorization, content-type",
            },
        )

    def judge(self, request: Request) -> Answer:
        """The answer, whoever asks."""
        path = request.path.replace("//", "/")
        if request.method == "GET" and path == "/cds-services":
            return Answer(status=200, body=DISCOVERY)
        hook = {"/cds-services/chart": "patient-view", "/cds-services/orders": "order-sign"}.get(
            path.removesuffix("/feedback")
        )
        if hook is None:
            return refused(404, "no such service")
        if request.body is NOT_JSON or not isinstance(request.body, dict):
            return refused(400, "no JSON object")
        return self.take(request.body) if path.endswith("/feedback") else self.call(request.body, hook)

    def call(self, body: dict[str, Any], hook: str) -> Answer:
        context = body.get("context")
        if body.get("hook") != hook or not isinstance(context, dict):
            return refused(400, "hook or context")
        if not isinstance(context.get("patientId"), str):
            return refused(400, "context.patientId")
        if hook == "order-sign" and not isinstance(context.get("draftOrders"), dict):
            return refused(400, "context.draftOrders")
        prefetch = body.get("prefetch") or {}
        for key in TEMPLATES:
            value = prefetch.get(key, "")
            if value is not None and (not isinstance(value, dict) or value.get("resourceType") == "OperationOutcome"):
                return refused(412, f"prefetch.{key}")
        actions = {"systemActions": [SYSTEM_ACTION]} if hook == "order-sign" else {}
        return Answer(status=200, body={"cards": [CARD], **actions})

    def take(self, body: dict[str, Any]) -> Answer:
        entries = body.get("feedback")
        if not isinstance(entries, list):
            return refused(400, "feedback")
        if any(entry.get("outcome") not in ("accepted", "overridden") for entry in entries):
            return refused(400, "outcome")
        return Answer(status=200, body={"received": len(entries)})

    def is_trusted(self, request: Request) -> bool:
        """By the letter: algorithm, issuer, audience, time, and never twice."""
        claims = self.signed_claims(request)
        if (
            claims is None
            or faults_of(claims, self.base + request.path.replace("//", "/"))
            or claims["jti"] in self._used
        ):
            return False
        self._used.add(claims["jti"])
        return True

    def signed_claims(self, request: Request) -> dict[str, Any] | None:
        """The claims where the signature is that of the key, else None."""
        assert self.key is not None
        try:
            return dict(jwt.decode(token_of(request), self.key, algorithms=["ES384"]).claims)
        except (JoseError, ValueError):
            return None


def faults_of(claims: dict[str, Any], address: str) -> list[str]:
    """Which claims are wrong."""
    right = {"iss": claims["iss"] == ISSUER, "aud": claims["aud"] == address, "exp": claims["exp"] > time.time()}
    return [name for name, holds in right.items() if not holds]


def token_of(request: Request) -> str:
    return request.headers.get("authorization", "").removeprefix("Bearer ")


def algorithm_of(request: Request) -> str:
    """What the header of the token says, unverified; "" where there is none."""
    head = token_of(request).partition(".")[0]
    try:
        return str(json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))["alg"])
    except ValueError:
        return ""


Fault = Callable[[GoodService, Request, Answer], Answer]
"""Makes a bad answer out of a good one."""


def no_fault(service: GoodService, request: Request, answer: Answer) -> Answer:
    return answer


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Threaded(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


@contextmanager
def served(fault: Fault = no_fault, key: ECKey | None = None) -> Iterator[str]:
    """The base address of a service with this fault, on a socket of this machine."""
    service = GoodService(key)

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = _read(environ)
        answer = fault(service, request, service.answer(request))
        body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        body = b"" if answer.body is None else body
        headers = {"Content-Type": "application/json", **answer.headers, "Content-Length": str(len(body))}
        start_response(f"{answer.status} Status", list(headers.items()))
        return [body]

    with make_server("127.0.0.1", 0, application, _Threaded, _Quiet) as server:
        service.base = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield service.base
        finally:
            server.shutdown()


def _read(environ: WSGIEnvironment) -> Request:
    data = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    try:
        body = json.loads(data) if data else None
    except ValueError:
        body = NOT_JSON
    headers = {name[5:].lower().replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
    headers["content-type"] = environ.get("CONTENT_TYPE", "")
    return Request(method=environ["REQUEST_METHOD"], path=environ["PATH_INFO"], headers=headers, body=body)
