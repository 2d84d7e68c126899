"""One run against one service: what is asked, what came so far, and what was found."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import msgspec

from .client import Client, Reply, Unreachable
from .json_values import Json, Object, write_json
from .patients import Patient
from .results import Ledger, Report
from .signing import Signer

PUBLIC_SANDBOX = "https://sandbox.cds-hooks.org"


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How a service is looked at. `origin` is the web page that is played; feedback is sent only where it is asked for,
    since a service may count it."""

    origin: str = PUBLIC_SANDBOX
    feedback: bool = False


class Offered(msgspec.Struct, frozen=True, kw_only=True):
    """A service as it was found in discovery."""

    id: str
    hook: str
    prefetch: dict[str, str] = msgspec.field(default_factory=dict)

    @property
    def path(self) -> str:
        """Its address below the base."""
        return f"/cds-services/{self.id}"


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A call with the whole record: `left` are the keys of prefetch that could not be filled."""

    service: Offered
    patient: Patient
    context: Object
    prefetch: Object
    left: tuple[str, ...]
    reply: Reply

    def request(self, **members: Json) -> Object:
        """The request, with other members where they are given; None leaves a member out."""
        body: Object = {
            "hook": self.service.hook,
            "hookInstance": "7f3a5a52-0a6c-4c43-9d0e-6d5e3c1b2a90",
            "context": self.context,
            **({"prefetch": self.prefetch} if self.prefetch else {}),
        }
        return {name: value for name, value in {**body, **members}.items() if value is not None}

    @property
    def where(self) -> str:
        """The call in words."""
        return f"{self.service.id[:64]}, {self.patient.name}"


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A reply with the request that it answers."""

    method: str
    path: str
    reply: Reply


class Verification:
    """A run against one service. `steps` says what is done with it; then `report` is complete."""

    def __init__(
        self, base: str, patients: tuple[Patient, ...], options: Options, signer: Signer | None = None
    ) -> None:
        self.client = Client(
            base, origin=options.origin, authorization=signer.authorization if signer else lambda path: ""
        )
        self.patients = patients
        self.options = options
        self.signer = signer
        self.ledger = Ledger()
        self.offered: tuple[Offered, ...] = ()
        self.calls: list[Call] = []
        self.seen: list[Seen] = []

    def send(
        self,
        method: str,
        path: str,
        body: Json | bytes = None,
        *,
        token: bool = True,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """The reply, remembered; one of status 0 where there was no answer."""
        data = body if isinstance(body, bytes) else None if body is None else write_json(body)
        try:
            reply = self.client.send(method, path, data, token=token, headers=headers)
        except Unreachable:
            return Reply(status=0, headers={}, body=b"")
        self.seen.append(Seen(method=method, path=path, reply=reply))
        return reply

    def answered(self) -> list[Call]:
        """The calls that were answered with cards or none, those with cards first."""
        good = [call for call in self.calls if call.reply.cards() is not None]
        return sorted(good, key=lambda call: not call.reply.cards())

    def report(self, at: dt.datetime) -> Report:
        """What was found."""
        return Report(address=self.client.base, at=at, requests=self.client.requests, results=self.ledger.results())


def told(reply: Reply) -> str:
    """How a request was answered, in words."""
    return f"answered with {reply.status}" if reply.status else "not answered"
