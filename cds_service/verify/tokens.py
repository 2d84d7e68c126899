"""Tokens, where a test key is given: the good one is taken, each bad one refused with 401."""

from __future__ import annotations

from collections.abc import Callable

from .run import Verification, told

_BAD = (
    "token-missing",
    "token-expired",
    "token-audience",
    "token-forged",
    "token-hs256",
    "token-none",
    "token-issuer",
    "token-replayed",
)


def look(run: Verification) -> None:
    """Plays a call that was answered again, with another token each time."""
    signer, calls = run.signer, run.answered()
    if signer is None or not calls:
        why = "no test key was given (--key)" if signer is None else "no call was answered with a valid token"
        for check in ("token-accepted", *_BAD):
            run.ledger.untried(check, why)
        for call in run.calls if signer is not None else ():
            if call.reply.status in (401, 403):
                run.ledger.failed("token-accepted", f"{call.service.id}: {told(call.reply)}")
        return
    call = calls[0]
    path = call.service.path
    run.ledger.passed("token-accepted")

    def answer(check: str, token: Callable[[], str]) -> None:
        """Each bad token is made when it is sent, so that it differs from a good one in one thing alone."""
        header = {"Authorization": f"Bearer {token()}"} if check != "token-missing" else {}
        reply = run.send("POST", path, call.request(), token=False, headers=header)
        run.ledger.judge(check, reply.status == 401, told(reply))

    answer("token-missing", str)
    answer("token-expired", lambda: signer.expired(path))
    answer("token-audience", lambda: signer.token(path, aud="https://another.example.org" + path))
    answer("token-forged", lambda: signer.forged(path))
    answer("token-hs256", lambda: signer.symmetric(path))
    answer("token-none", lambda: signer.unsigned(path))
    answer("token-issuer", lambda: signer.token(path, iss="https://nobody.example.org"))
    used = signer.token(path)
    first = run.send("POST", path, call.request(), token=False, headers={"Authorization": f"Bearer {used}"})
    if run.ledger.judge("token-accepted", first.status == 200, told(first)):
        answer("token-replayed", lambda: used)
