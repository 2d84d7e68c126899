"""Cross-origin access: a page of the origin must be able to read every answer, and no page with credentials of others."""

from __future__ import annotations

from .client import Reply
from .run import Verification, told

_CHECKS = ("cors-preflight", "cors-success", "cors-errors")
_WANTED = frozenset(("authorization", "content-type"))


def look(run: Verification) -> None:
    """Looks at all answers so far, then sends preflights; not tried where the service lets no page in."""
    origin = run.options.origin
    answers = [seen for seen in run.seen if seen.method != "OPTIONS"]
    for seen in answers:
        _look_at_credentials(run, seen.reply, seen.path)
    if not any(_lets_in(seen.reply, origin) for seen in answers if seen.reply.status < 400):
        for check in _CHECKS:
            run.ledger.untried(check, f"the service lets no page of {origin} in (--origin plays another)")
        return
    for seen in answers:
        check = "cors-success" if seen.reply.status < 400 else "cors-errors"
        note = f"{seen.method} {seen.path}: {seen.reply.status} without Access-Control-Allow-Origin"
        run.ledger.judge(check, _lets_in(seen.reply, origin), note)
    paths = [("/cds-services", "GET")]
    for service in run.offered[:1]:
        paths.append((service.path, "POST"))
        if any(seen.path == f"{service.path}/feedback" and seen.reply.status < 300 for seen in answers):
            paths.append((f"{service.path}/feedback", "POST"))
    for path, method in paths:
        _look_at_preflight(run, path, method)


def _look_at_preflight(run: Verification, path: str, method: str) -> None:
    asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization,content-type"}
    reply = run.send("OPTIONS", path, token=False, headers=asked)
    where = f"OPTIONS {path}"
    _look_at_credentials(run, reply, where)
    allowed = _names(reply, "access-control-allow-headers")
    judge = run.ledger.judge
    if not judge("cors-preflight", 200 <= reply.status < 300, f"{where}: {told(reply)}"):
        return
    judge("cors-preflight", _lets_in(reply, run.options.origin), f"{where}: no Access-Control-Allow-Origin")
    # A browser takes "*" for every header but Authorization.
    judge("cors-preflight", allowed >= _WANTED, f"{where}: does not allow the headers Authorization and Content-Type")


def _look_at_credentials(run: Verification, reply: Reply, where: str) -> None:
    every = reply.headers.get("access-control-allow-origin") == "*"
    credentials = reply.headers.get("access-control-allow-credentials", "").lower() == "true"
    run.ledger.judge("cors-credentials", not (every and credentials), f"{where}: * together with credentials")


def _lets_in(reply: Reply, origin: str) -> bool:
    return reply.headers.get("access-control-allow-origin") in ("*", origin)


def _names(reply: Reply, header: str) -> frozenset[str]:
    return frozenset(name.strip().lower() for name in reply.headers.get(header, "").split(","))
