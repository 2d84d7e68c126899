"""Feedback, only where it is asked for: what a client reports is taken, what is no feedback is refused."""

from __future__ import annotations

import uuid

from .json_values import Json, Object, items, member
from .run import Offered, Verification, told

_CHECKS = (
    "feedback-accepted",
    "feedback-overridden",
    "feedback-batch",
    "feedback-unknown-card",
    "feedback-syntax-error",
    "feedback-bad-outcome",
)
_TIME = "2026-01-01T12:00:00Z"


def look(run: Verification) -> None:
    """Reports on a card that came, where one with a uuid did, else on one that never was."""
    why = _why_not(run)
    if why:
        for check in _CHECKS:
            run.ledger.untried(check, why)
        return
    service, card, suggestion = _card(run)
    path = f"{service.path}/feedback"
    accepted: Object = {
        "card": card,
        "outcome": "accepted",
        "acceptedSuggestions": [{"id": suggestion}],
        "outcomeTimestamp": _TIME,
    }
    reply = run.send("POST", path, {"feedback": [accepted]})
    if reply.status in (404, 405, 501):
        for check in _CHECKS:
            run.ledger.untried(check, f"the service takes no feedback ({reply.status})")
        return
    if not run.ledger.judge("feedback-accepted", 200 <= reply.status < 300, told(reply)):
        for check in _CHECKS[1:]:
            run.ledger.untried(check, "feedback is not taken at all")
        return
    reason: Json = {
        "code": "reason-code-provided-by-service",
        "system": "http://example.org/cds-services/fhir/CodeSystem/override-reasons",
    }
    overridden: Object = {
        "card": card,
        "outcome": "overridden",
        "overrideReason": {"reason": reason},
        "outcomeTimestamp": _TIME,
    }
    unknown: Object = {"card": str(uuid.uuid4()), "outcome": "overridden", "outcomeTimestamp": _TIME}
    for check, entries in (
        ("feedback-overridden", [overridden]),
        ("feedback-batch", [accepted, overridden, accepted]),
        ("feedback-unknown-card", [unknown]),
    ):
        reply = run.send("POST", path, {"feedback": list[Json](entries)})
        run.ledger.judge(check, 200 <= reply.status < 300, told(reply))
    reply = run.send("POST", path, b'{"feedback": [')
    run.ledger.judge("feedback-syntax-error", 400 <= reply.status < 500, told(reply))
    reply = run.send("POST", path, {"feedback": [{**accepted, "outcome": "thought-about"}]})
    run.ledger.judge("feedback-bad-outcome", reply.status == 400, told(reply))


def _why_not(run: Verification) -> str:
    if not run.options.feedback:
        return "not asked for (--feedback): a service may count it"
    return "" if run.offered else "discovery offers no service that can be called"


def _card(run: Verification) -> tuple[Offered, str, str]:
    """A service, with the uuids of a card and of its suggestion."""
    for call in run.answered():
        for card in call.reply.cards() or []:
            for suggestion in items(member(card, "suggestions")):
                names = (member(card, "uuid"), member(suggestion, "uuid"))
                if isinstance(names[0], str) and isinstance(names[1], str):
                    return call.service, names[0], names[1]
    return run.offered[0], str(uuid.uuid4()), str(uuid.uuid4())
