"""Why each rule spoke about a request, or did not, for a person to read."""

from __future__ import annotations

import msgspec
from rich.console import Console
from rich.text import Text

from ..clinical.explain import AskedFact, Explained, Outcome, Said
from ..clinical.findings import Evidence, Hook
from ..knowledge.faults import unknown_name
from .ehr import Service, refusal
from .faults import CallFailed, Fault
from .show import COLOURS

WORDS: dict[Outcome, str] = {
    "fires": "fires",
    "silenced": "silenced: another card says it",
    "not-checked": "not checked",
    "clear": "clear: asked, and nothing to say",
    "not-concerned": "not concerned: nothing that it speaks of is there",
    "other-hook": "not asked at this hook",
    "off": "off",
}
SHOWN: frozenset[Outcome] = frozenset(("fires", "silenced", "not-checked", "clear"))


class _Asked(msgspec.Struct, frozen=True):
    hook: Hook


class Explanation(msgspec.Struct, frozen=True):
    """What became of the rules at a hook."""

    hook: Hook
    rules: tuple[Explained, ...]


def explained(service: Service, request: bytes, rule: str | None = None) -> bytes:
    """The explanation of a request, of one rule alone where it is named. Raises Fault."""
    try:
        hook = msgspec.json.decode(request, type=_Asked).hook
    except (msgspec.DecodeError, RecursionError):
        raise Fault("this is no request of a hook that is served here") from None
    answer = service.post(f"/cds-services/myositis-{hook}/explain", request)
    if answer.status != 200:
        raise CallFailed(refusal(answer))
    if rule is None:
        return answer.body
    told = msgspec.json.decode(answer.body, type=Explanation)
    found = tuple(each for each in told.rules if each.rule == rule.upper())
    if not found:
        raise Fault(unknown_name("rule", rule.upper(), {each.rule for each in told.rules}))
    return msgspec.json.encode(Explanation(told.hook, found))


def show_explained(console: Console, told: bytes, *, everything: bool) -> None:
    """Each rule that was asked, and of the others their number, or with `everything` those too."""
    explanation = msgspec.json.decode(told, type=Explanation)
    order = list(WORDS)
    rules = sorted(explanation.rules, key=lambda each: (order.index(each.outcome), each.rule))
    shown = [each for each in rules if everything or each.outcome in SHOWN]
    for each in shown:
        _show_rule(console, each)
    left = len(explanation.rules) - len(shown)
    if left:
        console.print(f"{left} more rules were not asked at {explanation.hook}: --all tells them.")


def _show_rule(console: Console, each: Explained) -> None:
    console.print(Text(each.rule, style="bold"), Text(WORDS[each.outcome]))
    for finding in each.findings:
        _show_finding(console, finding)
    for missing in each.missing:
        console.print(Text(f"  missing: {missing}"))
    if each.limits:
        console.print(Text(f"  limits: {', '.join(each.limits)}", style="dim"))
    for fact in each.facts:
        console.print(Text(f"  {_fact(fact)}", style="dim"))


def _show_finding(console: Console, finding: Said) -> None:
    silenced = f" (silenced by {', '.join(finding.silenced_by)})" if finding.silenced_by else ""
    console.print(Text(f"  {finding.severity}", style=COLOURS[finding.severity]), Text(f"{finding.summary}{silenced}"))
    for line in (
        *(f"about {order}" for order in finding.orders),
        *finding.found,
        *map(_seen, finding.evidence),
        *(f"not known: {caveat}" for caveat in finding.caveats),
    ):
        console.print(Text(f"    {line}"))


def _fact(fact: AskedFact) -> str:
    why = "; ".join(map(_seen, fact.evidence)) or fact.missing
    return f"{fact.fact}: {fact.answer}" + (f" ({why})" if why else "")


def _seen(evidence: Evidence) -> str:
    day = f", {evidence.day.isoformat()}" if evidence.day else ""
    return f"{evidence.label or evidence.reference} [{evidence.reference}{day}]"
