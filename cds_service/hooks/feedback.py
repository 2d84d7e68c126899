"""Feedback on cards, read in the shapes of CDS Hooks 1.1, 2.0 and 3.0 and in Epic's: what became of a card, and when.

Which card it is about is for others to say: an id need not be a UUID, nor be one of ours.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Literal, get_args

import msgspec

from .errors import BadRequest, TooLarge
from .strict import Members, read_document, read_members

FeedbackOutcome = Literal["accepted", "overridden"]
"""What a clinician did with a card; one that is ignored is never reported."""

MAX_FEEDBACK = 10_000
"""So many entries may one call hold."""
MAX_CARD = 256
"""So many characters may a card's id have."""
MAX_SUGGESTIONS = 100
"""So many accepted suggestions, or reasons, may one entry name."""
MAX_CODE = 100
MAX_TEXT = 200
"""Longer codes, and longer systems and displays of reasons, are cut."""
MAX_COMMENT = 1000
"""Longer comments are cut, in characters."""

_OUTCOMES: tuple[FeedbackOutcome, ...] = get_args(FeedbackOutcome)
_READ = frozenset(("feedback",))
_READ_ENTRY = frozenset(
    ("card", "outcome", "outcomeTimestamp", "acceptedSuggestions", "overrideReason", "overrideReasons")
)
_LIST = msgspec.json.Decoder(tuple[msgspec.Raw, ...])
_TIMESTAMP = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:)([0-5]\d|60)(?:\.(\d{1,6})\d*)?([Zz]|[+-]\d\d:\d\d)?", re.ASCII
)
_EPIC = "com.epic.cdshooks.feedback.overrideReason."


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why a card was overridden, picked from a list: a code with its system, or where a client has none, its words."""

    system: str = ""
    code: str = ""
    display: str = ""


class Feedback(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one card. `at` is in UTC.

    `suggestions` are the ids of those accepted; a client that accepts may leave them out. `comment` is what a clinician
    wrote: patient data, of which nothing may be logged.
    """

    card: str
    outcome: FeedbackOutcome
    at: dt.datetime
    suggestions: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()
    comment: str = ""

    def __repr__(self) -> str:
        return f"Feedback(outcome={self.outcome!r})"


def read_feedback(body: bytes) -> tuple[Feedback, ...]:
    """Every entry of a feedback body, none where its list is empty; a body that is one bare entry is borne.

    One entry that cannot be read refuses the whole with a BadRequest that names its place; too many, or a card's id
    that is too long, are a TooLarge. Unknown members are ignored. (CDS Hooks 2.0.1 and 3.0 ballot, "Feedback")
    """
    envelope = read_document(body)
    listed = envelope.raw("feedback")
    if listed is None and envelope.raw("card") is not None:
        return (_read_entry(envelope),)
    if listed is None:
        raise BadRequest("A required member is missing", "feedback", code="required")
    envelope.check_rest(_READ)
    entries = _read_list(listed, "feedback", MAX_FEEDBACK)
    return tuple(_read_entry(read_members(bytes(raw), f"feedback[{at}]")) for at, raw in enumerate(entries))


def _read_entry(entry: Members) -> Feedback:
    card = entry.text("card").strip()
    if not card:
        raise BadRequest("A required member is missing or blank", entry.place("card"), code="required")
    if len(card) > MAX_CARD:
        raise TooLarge(f"Longer than {MAX_CARD} characters", entry.place("card"))
    reasons, comments = _read_reasons(entry)
    entry.check_rest(_READ_ENTRY)
    return Feedback(
        card=card,
        outcome=_read_outcome(entry),
        at=_read_timestamp(entry),
        suggestions=tuple(_read_suggestions(entry)),
        reasons=tuple(dict.fromkeys(reasons)),
        comment=_plain(" ".join(filter(None, comments)), MAX_COMMENT),
    )


def _read_outcome(entry: Members) -> FeedbackOutcome:
    said = entry.text("outcome")
    for outcome in _OUTCOMES:
        if said == outcome:
            return outcome
    code: Literal["value", "required"] = "value" if said else "required"
    raise BadRequest("Not one of accepted, overridden", entry.place("outcome"), code=code)


def _read_timestamp(entry: Members) -> dt.datetime:
    """In UTC. One without an offset is taken as UTC, which the specification asks for; a leap second as the last."""
    text, place = entry.text("outcomeTimestamp"), entry.place("outcomeTimestamp")
    if not text:
        raise BadRequest("A required member is missing or blank", place, code="required")
    found = _TIMESTAMP.fullmatch(text)
    if found is None:
        raise BadRequest("Not a timestamp of RFC 3339", place, code="value")
    day, minutes, seconds, fraction, offset = found.groups()
    seconds = "59" if seconds == "60" else seconds
    offset = "+00:00" if offset in (None, "Z", "z") else offset
    try:
        return dt.datetime.fromisoformat(
            f"{day}T{minutes}{seconds}.{(fraction or '0').ljust(6, '0')}{offset}"
        ).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise BadRequest("Not a timestamp of RFC 3339", place, code="value") from None


def _read_suggestions(entry: Members) -> Iterator[str]:
    listed, place = entry.raw("acceptedSuggestions"), entry.place("acceptedSuggestions")
    if listed is None:
        return
    for at, raw in enumerate(_read_list(listed, place, MAX_SUGGESTIONS)):
        suggestion = read_members(bytes(raw), f"{place}[{at}]")
        name = suggestion.text("id")
        if len(name) > MAX_CARD:
            raise TooLarge(f"Longer than {MAX_CARD} characters", suggestion.place("id"))
        if name:
            yield name


def _read_reasons(entry: Members) -> tuple[list[Reason], list[str]]:
    """The reasons and comments under `overrideReason`, or under `overrideReasons` as an object or a list of them."""
    reasons: list[Reason] = []
    comments: list[str] = []
    for key in ("overrideReason", "overrideReasons"):
        raw, place = entry.raw(key), entry.place(key)
        if raw is None:
            continue
        several = bytes(memoryview(raw)[:1]) == b"["
        parts = _read_list(raw, place, MAX_SUGGESTIONS) if several else (raw,)
        for at, part in enumerate(parts):
            override = read_members(bytes(part), f"{place}[{at}]" if several else place)
            comments.append(override.text("userComment"))
            reason = _read_reason(override)
            if reason != Reason():
                reasons.append(reason)
    return reasons, comments


def _read_reason(override: Members) -> Reason:
    """A Coding under `reason` (2.0), beside the comment (1.1), or as the words of Epic's extension."""
    coding = override.members("reason") or override
    reason = Reason(
        system=_plain(coding.text("system"), MAX_TEXT),
        code=_plain(coding.text("code"), MAX_CODE),
        display=_plain(coding.text("display"), MAX_TEXT),
    )
    extension = None if reason.code or reason.display else override.members("extension")
    if extension is None:
        return reason
    words = (extension.text(_EPIC + part) for part in ("reasonDisplay", "reasonTitle", "reasonCategory"))
    return msgspec.structs.replace(reason, display=_plain(next(filter(None, words), ""), MAX_TEXT))


def _read_list(raw: msgspec.Raw, place: str, most: int) -> tuple[msgspec.Raw, ...]:
    try:
        found = _LIST.decode(raw)
    except msgspec.ValidationError as error:
        raise BadRequest(str(error), place, code="value") from None
    if len(found) > most:
        raise TooLarge(f"More than {most} entries", place)
    return found


def _plain(text: str, most: int) -> str:
    """One line of printable characters, cut to `most` of them: NUL and line breaks become spaces."""
    return " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * most]).split())[:most]
