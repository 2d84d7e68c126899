"""Requests that cannot be answered: each must be refused, and none must look like a patient without findings."""

from __future__ import annotations

from .client import Reply
from .json_values import Json, NotJson
from .patients import HOOKS
from .run import Call, Verification, told
from .shapes import is_outcome

_NOWHERE = "/cds-services/there-is-no-such-service-here"
_CHECKS = ("syntax-error", "missing-context", "wrong-hook", "unknown-service", "no-silent-failure", "error-body")


def look(run: Verification) -> None:
    """Sends what is wrong to the first service that answered."""
    calls = run.answered()
    if not calls:
        for check in _CHECKS:
            run.ledger.untried(check, "no call was answered with cards")
        return
    call = calls[0]
    path = call.service.path
    other = next(hook for hook in HOOKS if hook != call.service.hook)
    _refused(run, "syntax-error", run.send("POST", path, b'{"hook": "' + call.service.hook.encode() + b'", '))
    _refused(run, "missing-context", run.send("POST", path, call.request(context=None)))
    _refused(run, "wrong-hook", run.send("POST", path, call.request(hook=other)))
    reply = run.send("POST", _NOWHERE, call.request())
    run.ledger.judge("unknown-service", reply.status == 404, told(reply))
    _look_at_body(run, reply, "unknown service")
    _look_for_silence(run, call)


def _refused(run: Verification, check: str, reply: Reply) -> None:
    run.ledger.judge(check, 400 <= reply.status < 500, told(reply))
    _look_at_body(run, reply, check.replace("-", " "))


def _look_at_body(run: Verification, reply: Reply, where: str) -> None:
    if reply.status < 400:
        return
    try:
        holds = is_outcome(reply.json())
    except NotJson:
        holds = False
    run.ledger.judge("error-body", holds, f"{where}: {reply.status} without an OperationOutcome")


def _look_for_silence(run: Verification, call: Call) -> None:
    """Context of the wrong types and prefetch that is an error page: what cannot be read was not checked."""
    wrong: list[tuple[str, Json]] = [
        ("context.patientId", call.request(context={**call.context, "patientId": {"a": 1}}))
    ]
    if "draftOrders" in call.context:
        wrong.append(("context.draftOrders", call.request(context={**call.context, "draftOrders": 7})))
    if call.prefetch and call.reply.cards():
        page: Json = dict.fromkeys(call.prefetch, "<html>an error page</html>")
        wrong.append(("prefetch", call.request(prefetch=page)))
    for place, request in wrong:
        reply = run.send("POST", call.service.path, request)
        run.ledger.judge("no-silent-failure", reply.cards() != [], f"{place} of a wrong type: 200 and no card")
