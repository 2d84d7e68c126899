"""What the store is given and gives back: plain frozen values."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Literal

import msgspec

Outcome = Literal["accepted", "overridden"]


class Reason(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """Why a card was overridden; "" for what the client did not say."""

    system: str = ""
    code: str = ""
    display: str = ""


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """One outcome of one card, as it is kept.

    `rule` is the number of the rule; it, `severity`, `hook` and `knowledge` (its version) are None where the card is not
    known. `day` is the one on which the card was shown, of an unknown card the one on which something became of it.
    `at` is in UTC. `suggestions` are ids of which only the count is kept. `comment` is None where none is to be kept.
    """

    service: str
    card: str
    rule: int | None = None
    severity: str | None = None
    hook: str | None = None
    knowledge: str | None = None
    day: dt.date
    outcome: Outcome
    at: dt.datetime
    suggestions: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()
    comment: str | None = None

    @property
    def digest(self) -> str:
        """The same for the same outcome sent again, in whatever order; the comment does not count. In hexadecimal."""
        told = (
            self.service,
            self.card,
            self.outcome,
            self.at.isoformat(),
            sorted(self.suggestions),
            [(reason.system, reason.code, reason.display) for reason in sorted(self.reasons)],
        )
        return hashlib.sha256(msgspec.json.encode(told)).hexdigest()


class Shown(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """What cards are counted by when they are shown: all that their ids say, `rule` being the leading rule's number."""

    day: dt.date
    rule: int
    severity: str
    hook: str
    service: str
    knowledge: str


class Outcomes(msgspec.Struct, frozen=True, kw_only=True):
    """How many cards of one kind ended so. A card counts once, by its latest outcome; `rule` None for unknown cards.

    Where a count is of cards with a `reason`, a card with two reasons counts for each; an empty one is *none given*.
    """

    day: dt.date
    rule: int | None
    severity: str | None
    hook: str | None
    service: str
    knowledge: str | None
    outcome: Outcome
    reason: Reason | None = None
    count: int
