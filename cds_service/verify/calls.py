"""Calls with synthetic patients on each hook that is offered, the whole record as prefetch and no FHIR server."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from .client import Reply
from .discovery import look_at_type
from .json_values import NotJson, path_of
from .patients import HOOKS, context_for, fill
from .run import Call, Offered, Verification, told
from .shapes import looked_at, response_faults

_NOT_YET = Reply(status=0, headers={}, body=b"")


def look(run: Verification) -> None:
    """Calls each service for each patient; the calls stand in `run.calls`."""
    if not run.offered:
        run.ledger.untried("call-answered", "discovery offers no service that can be called")
    for service in run.offered:
        if service.hook not in HOOKS:
            run.ledger.untried("call-answered", "only patient-view, order-select and order-sign are played")
            continue
        for call in _calls(run, service):
            run.calls.append(call)
            _look_at_call(run, call)


def _calls(run: Verification, service: Offered) -> Iterator[Call]:
    for patient in run.patients:
        context = context_for(service.hook, patient)
        if context is None:
            continue
        prefetch, left = fill(service.prefetch, context, patient)
        call = Call(service=service, patient=patient, context=context, prefetch=prefetch, left=left, reply=_NOT_YET)
        yield msgspec.structs.replace(call, reply=run.send("POST", service.path, call.request()))


def _look_at_call(run: Verification, call: Call) -> None:
    ledger, reply = run.ledger, call.reply
    if reply.status in (401, 403):
        why = "asks for a token: give --key" if run.signer is None else "refuses the token"
        ledger.untried("call-answered", f"the service {why} ({reply.status})")
        return
    if reply.status == 412 and (call.left or not call.prefetch):
        keys = ", ".join(path_of([key]) for key in call.left) or "any key"
        ledger.untried("call-answered", f"{call.where}: 412, and the record does not fill {keys} of prefetch")
        return
    if not ledger.judge("call-answered", reply.status == 200, f"{call.where}: {told(reply)}"):
        return
    look_at_type(run, reply.headers.get("content-type", ""), call.where)
    try:
        value = reply.json()
    except NotJson:
        ledger.failed("response-shape", f"{call.where}: the body is no JSON")
        return
    for check in looked_at(value):
        ledger.passed(check)
    for check, note in response_faults(value):
        ledger.failed(check, f"{call.where}: {note}")
