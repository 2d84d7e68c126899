"""Why a rule spoke, or did not: for each rule its outcome at one request, with the facts and the evidence that decided."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from .chart import Answer, Chart
from .dose import plain
from .findings import Evidence, Finding, NotChecked, Severity
from .judge import Rulebook, silenced
from .rule import Rule, Tier, Verdict

Outcome = Literal["fires", "silenced", "not-checked", "clear", "not-concerned", "other-hook", "off"]


class AskedFact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A fact that the rule asked for, with its answer, what showed it, and what was missing where it is unknown."""

    fact: str
    answer: Answer
    evidence: tuple[Evidence, ...] = ()
    missing: str = ""


class Said(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One finding of a rule: the words of its card, the figures compared, what decided it and what was not known."""

    severity: Severity
    summary: str
    orders: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    caveats: tuple[str, ...] = ()
    silenced_by: tuple[str, ...] = ()


class Explained(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one rule.

    "fires" and "silenced" have findings, "not-checked" names what was missing, "clear" was asked and had nothing to say;
    `facts` are those that it asked for, `limits` the figures of its tiers. "not-concerned": nothing that it speaks of is
    in the basket (when a chart is opened, among the therapies). "other-hook": it is not asked at this hook. "off": nobody
    is asked it here.
    """

    rule: str
    outcome: Outcome
    findings: tuple[Said, ...] = ()
    missing: tuple[str, ...] = ()
    facts: tuple[AskedFact, ...] = ()
    limits: tuple[str, ...] = ()


def explain(book: Rulebook, chart: Chart) -> tuple[Explained, ...]:
    """Every rule, in the order of the knowledge, those that are off at the end."""
    concerned = {rule.row.id for rule in book.concerned(chart)}
    asked = {rule.row.id: ask_alone(rule, chart) for rule in book.rules if rule.row.id in concerned}
    silencers = find_silencers(book, asked)
    return (
        *(told(rule, chart, asked, silencers) for rule in book.rules),
        *(Explained(rule=rule.row.id, outcome="off") for rule in book.off),
    )


def ask_alone(rule: Rule, chart: Chart) -> tuple[tuple[Verdict, ...], tuple[AskedFact, ...]]:
    """What a rule says, and the facts that it asked for: of a copy of the chart, of which nobody else asked anything."""
    own = msgspec.structs.replace(chart)
    verdicts = tuple(rule.verdicts(own))
    facts = {
        name: AskedFact(fact=name, answer=fact.answer, evidence=fact.evidence, missing=fact.missing)
        for (name, *_), fact in own.asked.items()
    }
    return verdicts, tuple(facts[name] for name in sorted(facts))


Asked = dict[str, tuple[tuple[Verdict, ...], tuple[AskedFact, ...]]]


def find_silencers(book: Rulebook, asked: Asked) -> dict[int, tuple[str, ...]]:
    """The rules that silence a finding, by the identity of the finding."""
    findings = [verdict for verdicts, _ in asked.values() for verdict in verdicts if isinstance(verdict, Finding)]
    found: dict[int, tuple[str, ...]] = {}
    for other in findings:
        for each in findings:
            pair, _ = silenced(book.rules, [other, each], [])
            if each is not other and not any(remaining is each for remaining in pair):
                found[id(each)] = (*found.get(id(each), ()), other.rule)
    return found


def told(rule: Rule, chart: Chart, asked: Asked, silencers: dict[int, tuple[str, ...]]) -> Explained:
    """What became of one rule that is on."""
    name = rule.row.id
    if name not in asked:
        return Explained(rule=name, outcome="not-concerned" if chart.hook in rule.row.hooks else "other-hook")
    verdicts, facts = asked[name]
    findings = tuple(said(each, silencers.get(id(each), ())) for each in verdicts if isinstance(each, Finding))
    missing = tuple(dict.fromkeys(each.missing for each in verdicts if isinstance(each, NotChecked)))
    return Explained(
        rule=name,
        outcome=outcome_of(findings, missing),
        findings=findings,
        missing=missing,
        facts=facts,
        limits=tuple(limit for tier in rule.row.tiers for limit in limits_of(tier)),
    )


def limits_of(tier: Tier) -> Iterator[str]:
    """The figures of a tier in words, with its severity."""
    figures = (("above", tier.above), ("at least", tier.at_least), ("below", tier.below))
    return (f"{tier.severity} {words} {plain(figure)}" for words, figure in figures if figure is not None)


def outcome_of(findings: tuple[Said, ...], missing: tuple[str, ...]) -> Outcome:
    """The outcome of a rule that was asked."""
    if any(not finding.silenced_by for finding in findings):
        return "fires"
    if findings:
        return "silenced"
    return "not-checked" if missing else "clear"


def said(finding: Finding, silenced_by: tuple[str, ...]) -> Said:
    """A finding for reading."""
    return Said(
        severity=finding.severity,
        summary=finding.summary,
        orders=finding.orders,
        found=finding.found,
        evidence=finding.evidence,
        caveats=finding.caveats,
        silenced_by=silenced_by,
    )
