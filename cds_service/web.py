"""HTTP: the routes, bodies received whole or not at all, errors as OperationOutcome, cross-origin access, health."""

from __future__ import annotations

import os
import re
import traceback
import uuid
from collections.abc import Callable, Iterable, Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

import msgspec
import structlog
from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from .access.client import Client
from .access.tokens import CannotVerify, NotTrusted, Verifier
from .hooks.discovery import Service
from .hooks.errors import (
    BadRequest,
    NotAuthenticated,
    NotFound,
    RequestError,
    TooLarge,
    TooSlow,
    Unavailable,
    WrongMediaType,
    WrongMethod,
    write_outcome,
)
from .hooks.request import HookRequest, read_request
from .hooks.strict import TOO_DEEP
from .metrics import Metrics

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

JSON = "application/json"
LOOPBACK = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?", re.ASCII)
"""Pages that run on the same machine as the service."""
PUBLIC_SANDBOX = "https://sandbox.cds-hooks.org"

_log = structlog.get_logger("cds_service.web")
_OPEN = frozenset(("live", "ready", "show_metrics"))
"""The endpoints that nobody needs a token for: they hold no patient data, and probes and scrapers have no key."""
_FEEDBACK = "/feedback"
_NOT_PROVED = "The caller did not prove who it is"
_RETRY_S = "10"
"""Seconds after which a call that could not be verified is worth another try: keys are not fetched more often."""
_PLAIN_INSTANCE = re.compile(r"[A-Za-z0-9-]{1,64}")


class Adviser(Protocol):
    """What answers a request."""

    def advise(self, request: HookRequest, client: Client | None, /) -> bytes:
        """The response in JSON for the client that was verified; a RequestError where there can be none."""


class Registrar(Protocol):
    """What keeps feedback."""

    def register(self, service: str, body: bytes, /) -> int:
        """How many entries were new; a RequestError where none could be kept."""

    def problem(self) -> str:
        """Why none could be kept now, in a word; "" where all is well."""


class Origins(msgspec.Struct, frozen=True):
    """Which web pages may call the service from a browser: those named, and pages on this machine if `loopback`."""

    named: frozenset[str] = frozenset()
    loopback: bool = False

    def allow(self, origin: str) -> bool:
        """Whether a page of this origin may read our answers."""
        return origin in self.named or (self.loopback and LOOPBACK.fullmatch(origin) is not None)


class _Web(Flask):
    """Flask that takes `//id` for `/id`: the public sandbox sends it, and a browser may not follow a redirect there."""

    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if "//" in environ["PATH_INFO"]:
            environ["PATH_INFO"] = re.sub("/{2,}", "/", environ["PATH_INFO"])
        return super().wsgi_app(environ, start_response)


def create_web(
    adviser: Adviser,
    services: Iterable[Service],
    discovery: bytes,
    *,
    metrics: Metrics,
    origins: Origins,
    body_limit: int,
    about: Mapping[str, str],
    verifier: Verifier | None = None,
    open_discovery: bool = False,
    registrar: Registrar | None = None,
    explain: Callable[[HookRequest], bytes] | None = None,
) -> Flask:
    """The application: discovery, the services and their feedback below `/cds-services`, health and metrics.

    `body_limit` is in bytes; a body of exactly that size is taken. `about` is shown as part of the readiness. Without a
    `verifier` nobody is asked who calls, and an Authorization header is not looked at; with `open_discovery` not at
    discovery, which holds nothing of a patient. Without a `registrar` no feedback is taken: its address is not there.
    `explain` says in JSON why each rule speaks or does not; without it that address is not there either.
    """
    app = _Web("cds_service", static_folder=None)
    app.url_map.strict_slashes = False
    unasked = _OPEN | {"discover"} if open_discovery else _OPEN
    hooks = {service.id: service.hook for service in services}

    @app.get("/cds-services")
    def discover() -> Response:
        return _json(discovery)

    def read_call(service_id: str) -> HookRequest:
        hook = hooks.get(service_id)
        if hook is None:
            raise NotFound("There is no such service")
        g.service = service_id
        hook_request = read_request(_read_body(request.environ, body_limit), service_hook=hook)
        if not hook_request.context.user_id:
            _log.info("borne", what="no userId", service=service_id)
        g.hook_instance = hook_request.hook_instance
        return hook_request

    @app.post("/cds-services/<service_id>")
    def call(service_id: str) -> Response:
        return _json(adviser.advise(read_call(service_id), g.get("client")))

    if explain is not None:
        tells_why = explain

        @app.post("/cds-services/<service_id>/explain")
        def tell_why(service_id: str) -> Response:
            return _json(tells_why(read_call(service_id)))

    @app.post("/cds-services/<service_id>/feedback")
    def take_feedback(service_id: str) -> Response:
        if registrar is None or service_id not in hooks:
            raise NotFound("There is no such service")
        g.service = f"{service_id}/feedback"
        new = registrar.register(service_id, _read_body(request.environ, body_limit))
        return _json(msgspec.json.encode({"new": new}))

    @app.get("/health/live")
    def live() -> Response:
        return _json(b'{"status":"live"}')

    @app.get("/health/ready")
    def ready() -> Response:
        asked = {"feedback": registrar, "usedTokens": verifier}
        problems = {name: problem for name, each in asked.items() if each is not None and (problem := each.problem())}
        if problems:
            return _json(msgspec.json.encode({"status": "not ready", **about, **problems}), 503)
        return _json(msgspec.json.encode({"status": "ready", **about}))

    @app.get("/metrics")
    def show_metrics() -> Response:
        return Response(metrics.page(), content_type=metrics.content_type)

    @app.before_request
    def start() -> None:
        g.started = perf_counter()

    @app.before_request
    def know_caller() -> None:
        """Before anything is read of a call: every endpoint asks who calls unless it is named as open."""
        if verifier is None or request.method == "OPTIONS" or request.endpoint is None or request.endpoint in unasked:
            return
        g.client = verifier.verify(request.headers.get("Authorization"), *_addresses(request.path))

    @app.after_request
    def finish(response: Response) -> Response:
        if "service" in g:
            metrics.count_call(g.service, response.status_code, perf_counter() - g.started)
        origin = request.headers.get("Origin")
        if origin is not None:
            _open_to(origin, origins, response)
        return response

    def refuse_caller(error: NotTrusted) -> Response:
        """401 without a reason: that is for our log alone."""
        metrics.count_refused(error.reason)
        response = _json(_outcome(NotAuthenticated(_NOT_PROVED)), NotAuthenticated.status)
        _log.warning("caller not verified", reason=error.reason, client=error.client, **_whose())
        response.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
        return response

    def defer_caller(error: CannotVerify) -> Response:
        metrics.count_refused(error.reason)
        response = _json(_outcome(Unavailable("The caller cannot be verified now")), Unavailable.status)
        _log.error("caller cannot be verified", reason=error.reason, client=error.client, **_whose())
        response.headers["Retry-After"] = _RETRY_S
        return response

    app.register_error_handler(NotTrusted, refuse_caller)
    app.register_error_handler(CannotVerify, defer_caller)
    app.register_error_handler(RequestError, _refuse)
    app.register_error_handler(HTTPException, _refuse_address)
    app.register_error_handler(RecursionError, _refuse_depth)
    app.register_error_handler(Exception, _fail)
    return app


def _addresses(path: str) -> tuple[str, ...]:
    """The paths to which a token for a call of `path` may be addressed: its own, and for feedback its service's too.

    CDS Hooks has the address of the endpoint; for feedback clients differ.
    """
    own = path.rstrip("/")
    return (own, own.removesuffix(_FEEDBACK)) if own.endswith(_FEEDBACK) else (own,)


def _json(body: bytes, status: int = 200) -> Response:
    return Response(body, status, content_type=JSON)


def _read_body(environ: WSGIEnvironment, limit: int) -> bytes:
    """The whole body, at most `limit` bytes of it, checked against the length that was announced.

    Flask's own limit would cut a chunked body and let the rest pass as valid.
    """
    media_type, _, parameters = environ.get("CONTENT_TYPE", "").partition(";")
    if media_type.strip().lower() != JSON or not _is_utf8(parameters):
        raise WrongMediaType("The body must be application/json in UTF-8")
    if environ.get("HTTP_CONTENT_ENCODING", "identity").strip().lower() not in ("identity", ""):
        raise WrongMediaType("A compressed body is not supported")
    announced = _announced_length(environ)
    if announced is not None and announced > limit:
        raise TooLarge(f"The body is larger than {limit} bytes")
    body = _receive(environ["wsgi.input"].read, limit + 1 if announced is None else announced)
    if announced is None and len(body) > limit:
        raise TooLarge(f"The body is larger than {limit} bytes")
    if announced is not None and len(body) < announced:
        raise BadRequest("The body is shorter than its Content-Length", code="incomplete")
    return body


def _is_utf8(parameters: str) -> bool:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset" and value.strip(' "').lower() not in ("utf-8", "utf8"):
            return False
    return True


def _announced_length(environ: WSGIEnvironment) -> int | None:
    """The Content-Length: 0 where no body was announced at all, None where the body comes in chunks."""
    text = environ.get("CONTENT_LENGTH")
    if not text:
        return None if environ.get("HTTP_TRANSFER_ENCODING") else 0
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise BadRequest("Content-Length is not a number")
    return int(text)


def _receive(read: Callable[[int], bytes], size: int) -> bytes:
    """Up to `size` bytes: a single read may return fewer although more follow."""
    parts: list[bytes] = []
    try:
        while size > 0 and (part := read(size)):
            parts.append(part)
            size -= len(part)
    except TimeoutError:
        raise TooSlow("The body did not arrive in time") from None
    except Exception:  # Each server has its own errors for broken chunks and lost clients.
        raise BadRequest("The body did not arrive whole", code="incomplete") from None
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _open_to(origin: str, origins: Origins, response: Response) -> None:
    """Lets a page of an allowed origin read the answer, never with credentials, and answers its preflight."""
    response.vary.add("Origin")
    if not origins.allow(origin):
        return
    response.headers["Access-Control-Allow-Origin"] = origin
    if request.method == "OPTIONS":
        if response.status_code == 200:
            response.status_code = 204
        response.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
        response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
        response.headers["Access-Control-Max-Age"] = "600"


def _refuse(error: RequestError) -> Response:
    response = _json(_outcome(error), error.status)
    if isinstance(error, WrongMethod):
        response.headers["Allow"] = ", ".join(error.allow)
    if isinstance(error, Unavailable):
        response.headers["Retry-After"] = str(error.retry_after or 1)
    _log.info("refused", status=error.status, code=error.code, places=error.expression, **_whose())
    return response


def _refuse_address(error: HTTPException) -> Response:
    if isinstance(error, MethodNotAllowed):
        return _refuse(WrongMethod("This address does not take this method", error.valid_methods or ()))
    if error.code is not None and error.code < 500 and error.code != 404:
        return _refuse(BadRequest("The HTTP request is not valid"))
    return _refuse(NotFound("There is no such address"))


def _refuse_depth(_: RecursionError) -> Response:
    """Nothing of ours recurses but the decoder, which meets some depths only when a resource is read."""
    return _refuse(BadRequest(TOO_DEEP, code="structure"))


def _fail(error: Exception) -> Response:
    """A bug: 500 without detail. The log names the class and the lines it passed, but no message and no value."""
    frames = [
        f"{os.path.basename(frame.filename)}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)
    ]
    response = _json(_outcome(RequestError("The service failed; the request was not checked")), 500)
    _log.error("failed", error=type(error).__name__, frames=frames, **_whose())
    return response


def _outcome(error: RequestError) -> bytes:
    """The error for the caller; its id stands in the line of the log that tells more."""
    g.outcome = str(uuid.uuid4())
    return write_outcome(error, g.outcome)


def _whose() -> dict[str, str]:
    """The call that a log line is about. A hookInstance that could hold anything is not repeated."""
    instance = g.get("hook_instance", "")
    return {
        "outcome": g.get("outcome", ""),
        "service": g.get("service", ""),
        "hook_instance": instance if _PLAIN_INSTANCE.fullmatch(instance) else "",
    }
