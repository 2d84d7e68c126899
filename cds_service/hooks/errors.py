"""Why a request cannot be answered, as exceptions that become one FHIR OperationOutcome.

Nothing here may carry a value of the request: only what is wrong, and the path of the place.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Literal

import msgspec

IssueCode = Literal[
    "invalid",
    "structure",
    "required",
    "value",
    "duplicate",
    "login",
    "forbidden",
    "not-found",
    "not-supported",
    "too-long",
    "incomplete",
    "timeout",
    "transient",
    "lock-error",
    "no-store",
    "exception",
]
"""The codes of FHIR R4 `issue-type` that this service uses."""


class RequestError(Exception):
    """A request that cannot be answered: HTTP `status`, issue `code`, `diagnostics` in words, and where it is wrong.

    `expression` holds the paths of the faults, empty where there is no place. A class fixes status and usual code; a
    raise may give a closer code.
    """

    status: ClassVar[int] = 500
    code: IssueCode = "exception"

    def __init__(self, diagnostics: str, *expression: str, code: IssueCode | None = None) -> None:
        super().__init__(diagnostics)
        self.diagnostics = diagnostics
        self.expression = tuple(path for path in expression if path)
        if code is not None:
            self.code = code


class BadRequest(RequestError):
    """The body is not JSON, or not a CDS Hooks request that this service can take."""

    status = 400
    code: IssueCode = "invalid"


class NotAuthenticated(RequestError):
    """The caller did not prove who it is."""

    status = 401
    code: IssueCode = "login"


class NotAllowed(RequestError):
    """The caller is known but may not have this: another patient's data, a FHIR server that is not its own."""

    status = 403
    code: IssueCode = "forbidden"


class NotFound(RequestError):
    """There is no such address."""

    status = 404
    code: IssueCode = "not-found"


class WrongMethod(RequestError):
    """The address exists, but not for this method; `allow` lists the methods for which it does."""

    status = 405
    code: IssueCode = "not-supported"

    def __init__(self, diagnostics: str, allow: Iterable[str]) -> None:
        super().__init__(diagnostics)
        self.allow = tuple(sorted(allow))


class TooSlow(RequestError):
    """The request did not arrive in time."""

    status = 408
    code: IssueCode = "timeout"


class MissingData(RequestError):
    """Required data came neither with the request nor from the FHIR server; `keys` are the prefetch keys.

    Diagnostics name every key and why it could not be had; the expressions are `prefetch.<key>`.
    """

    status = 412
    code: IssueCode = "incomplete"

    def __init__(self, diagnostics: str, keys: Iterable[str]) -> None:
        self.keys = tuple(keys)
        super().__init__(diagnostics, *(f"prefetch.{key}" for key in self.keys))


class TooLarge(RequestError):
    """The body, or an object in it, is larger than this service takes."""

    status = 413
    code: IssueCode = "too-long"


class WrongMediaType(RequestError):
    """The body is not plain UTF-8 JSON."""

    status = 415
    code: IssueCode = "not-supported"


class Unavailable(RequestError):
    """The service cannot answer now; the same request may be answered later, in `retry_after` seconds if not 0."""

    status = 503
    code: IssueCode = "transient"

    def __init__(self, diagnostics: str, *expression: str, code: IssueCode | None = None, retry_after: int = 0) -> None:
        super().__init__(diagnostics, *expression, code=code)
        self.retry_after = retry_after


class OutOfStorage(RequestError):
    """There is no room to keep what was sent; nothing of it was kept."""

    status = 507
    code: IssueCode = "no-store"


class _Issue(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    severity: Literal["fatal", "error"]
    code: IssueCode
    diagnostics: str
    expression: tuple[str, ...] = ()


class _OperationOutcome(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="resourceType", tag="OperationOutcome"
):
    id: str = ""
    issue: tuple[_Issue, ...]


def write_outcome(error: RequestError, identifier: str = "") -> bytes:
    """The error as a FHIR R4 OperationOutcome with one issue; `fatal` where the fault is ours (5xx), else `error`.

    `identifier` becomes its id, by which whoever has the answer finds the line of the log; "" leaves it out.
    """
    issue = _Issue(
        severity="fatal" if error.status >= 500 else "error",
        code=error.code,
        diagnostics=error.diagnostics,
        expression=error.expression,
    )
    return msgspec.json.encode(_OperationOutcome(id=identifier, issue=(issue,)))
