"""Prefetch key by key: left out, null, empty, and an OperationOutcome, always without a FHIR server."""

from __future__ import annotations

from .json_values import Json
from .patients import is_search
from .run import Call, Verification, told

_CHECKS = ("prefetch-missing", "prefetch-null", "prefetch-empty-bundle", "prefetch-outcome")
_EMPTY: Json = {"resourceType": "Bundle", "type": "searchset", "total": 0}
_OUTCOME: Json = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "exception", "diagnostics": "the search failed"}],
}


def look(run: Verification) -> None:
    """Plays the first good call of each service again with other prefetch."""
    first: dict[str, Call] = {}
    for call in run.answered():
        first.setdefault(call.service.id, call)
    with_prefetch = [call for call in first.values() if call.prefetch]
    if not with_prefetch:
        why = "no service offers templates that could be filled" if first else "no call was answered with cards"
        for check in _CHECKS:
            run.ledger.untried(check, why)
    for call in with_prefetch:
        _look_at_missing(run, call, "prefetch-missing", None)
        searches = [key for key, template in call.service.prefetch.items() if is_search(template)]
        if not searches:
            continue
        _look_at_empty(run, call, "prefetch-null", {**call.prefetch, **dict.fromkeys(searches)})
        _look_at_empty(run, call, "prefetch-empty-bundle", {**call.prefetch, **dict.fromkeys(searches, _EMPTY)})
        _look_at_missing(run, call, "prefetch-outcome", {**call.prefetch, **dict.fromkeys(searches, _OUTCOME)})


def _look_at_missing(run: Verification, call: Call, check: str, prefetch: Json) -> None:
    """Where cards came with the data, an empty list without them says something that nobody looked at."""
    reply = run.send("POST", call.service.path, call.request(prefetch=prefetch))
    cards = reply.cards()
    if reply.status == 412 or cards:
        run.ledger.passed(check)
    elif cards is None:
        run.ledger.failed(check, f"{call.where}: {told(reply)}")
    elif call.reply.cards():
        run.ledger.failed(check, f"{call.where}: no card and no 412, though there are cards when the data come")
    else:
        run.ledger.untried(check, "no card came even with the data, so that its absence tells nothing")


def _look_at_empty(run: Verification, call: Call, check: str, prefetch: Json) -> None:
    reply = run.send("POST", call.service.path, call.request(prefetch=prefetch))
    run.ledger.judge(check, reply.status == 200, f"{call.where}: {told(reply)}")
