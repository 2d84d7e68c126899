"""The line of feedback: read, attributed to a rule by the card's own id, kept without anything of a patient."""

from __future__ import annotations

import datetime as dt
import hmac
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from .access.store import Busy, Full, Reason, Reported, Store, StoreError
from .hooks.card_id import read_card_id
from .hooks.errors import OutOfStorage, RequestError, Unavailable
from .hooks.feedback import Feedback, read_feedback

_log = structlog.get_logger("cds_service.feedback")
_SOON_S = 2
_LATER_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Registrar:
    """What takes feedback. `now` asks the clock; comments are kept only where `keep_comments` is true."""

    store: Store
    card_key: bytes
    now: Callable[[], dt.datetime]
    keep_comments: bool = False

    def register(self, service: str, body: bytes) -> int:
        """Keeps every entry of a feedback body, or none; the number of those that were not known already.

        Raises a `RequestError`: 400 or 413 for the body, 503 where the store is busy or cannot be used, 507 where it is
        full.
        """
        reported = [self.attribute(service, each) for each in read_feedback(body)]
        try:
            return self.store.keep(reported, now=self.now())
        except StoreError as error:
            _log.error("feedback was not kept", service=service, problem=error.problem)
            raise _refusal(error) from None

    def attribute(self, service: str, given: Feedback) -> Reported:
        """The feedback with what the card's id says; an id that is not ours, under our key, says nothing."""
        card = read_card_id(given.card, key=self.card_key)
        return Reported(
            service=service,
            card=self.card_name(given.card),
            rule=card.number if card else None,
            severity=card.severity if card else None,
            hook=card.hook if card else None,
            knowledge=card.version if card else None,
            day=card.day if card else given.at.date(),
            outcome=given.outcome,
            at=given.at,
            suggestions=given.suggestions,
            reasons=tuple(Reason(system=r.system, code=r.code, display=r.display) for r in given.reasons),
            comment=given.comment or None if self.keep_comments else None,
        )

    def card_name(self, text: str) -> str:
        """A UUID as it is written everywhere. Of any other text, which could hold anything, only a keyed digest."""
        try:
            return str(uuid.UUID(text))
        except ValueError:
            return hmac.digest(self.card_key, text.encode(), "sha256").hex()

    def problem(self) -> str:
        """Why feedback could not be kept now; "" where it could."""
        try:
            self.store.check()
        except StoreError as error:
            return error.problem
        return ""


def _refusal(error: StoreError) -> RequestError:
    if isinstance(error, Full):
        return OutOfStorage("There is no room to keep feedback; nothing of it was kept")
    if isinstance(error, Busy):
        return Unavailable("The feedback store is busy; nothing was kept", code="lock-error", retry_after=_SOON_S)
    return Unavailable("The feedback store cannot be used; nothing was kept", retry_after=_LATER_S)
