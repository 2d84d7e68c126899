"""What a service meets in the wild and had better take: each differs in one thing from a call that was answered."""

from __future__ import annotations

from collections.abc import Mapping

from .json_values import Json
from .run import Call, Verification, told

_CHECKS = ("extra-members", "charset", "any-accept", "role-user", "no-encounter", "bundle-without-type", "double-slash")
_EXTENSION: Json = {"org.example.cds-service-verify": {"known": False}}


def look(run: Verification) -> None:
    """Plays one good call again, a little different each time."""
    calls = run.answered()
    if not calls:
        for check in _CHECKS:
            run.ledger.untried(check, "no call was answered with cards")
        return
    call = calls[0]
    context, request = call.context, call.request()
    _look(run, call, "extra-members", {**request, "context": {**context, "unknown": "x"}, "extension": _EXTENSION})
    _look(run, call, "charset", request, headers={"Content-Type": "application/json; charset=utf-8"})
    _look(run, call, "any-accept", request, headers={"Accept": "text/html"})
    # The token stays that for the address in discovery, so that the path alone differs.
    signed = {"Authorization": run.signer.authorization(call.service.path)} if run.signer else {}
    _look(run, call, "double-slash", request, path=f"/cds-services//{call.service.id}", headers=signed)
    # A template may ask for the user or the encounter, and is then not filled by another one.
    asked = " ".join(call.service.prefetch.values())
    if "user" in asked:
        run.ledger.untried("role-user", "a prefetch template asks for the user")
    else:
        _look(run, call, "role-user", {**request, "context": {**context, "userId": "PractitionerRole/example"}})
    less = {key: v for key, v in call.prefetch.items() if "context.encounterId" not in call.service.prefetch[key]}
    bare = {name: value for name, value in context.items() if name != "encounterId"}
    _look(run, call, "no-encounter", {**request, "context": bare, **({"prefetch": less} if less else {})})
    _look_at_bundle(run)


def _look_at_bundle(run: Verification) -> None:
    for call in run.answered():
        drafts = call.context.get("draftOrders")
        if isinstance(drafts, dict):
            bare = {name: value for name, value in drafts.items() if name != "type"}
            _look(run, call, "bundle-without-type", call.request(context={**call.context, "draftOrders": bare}))
            return
    run.ledger.untried("bundle-without-type", "no service with draft orders answered")


def _look(
    run: Verification,
    call: Call,
    check: str,
    request: Json,
    *,
    path: str = "",
    headers: Mapping[str, str] | None = None,
) -> None:
    reply = run.send("POST", path or call.service.path, request, headers=headers)
    run.ledger.judge(check, reply.status == 200, f"{call.where}: {told(reply)}")
