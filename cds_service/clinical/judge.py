"""Judging: the rules that a chart concerns are asked, what silences what is applied, unmade checks are gathered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from .budget import within_budget
from .chart import ANY_VACCINE, Chart
from .dialect import GENERIC, Dialect
from .exposure import MEDICATION_SOURCES, judged_drafts
from .facts import for_remarks_only
from .findings import SEVERITY_ORDER, Citation, Finding, NotChecked
from .never_offered import cautious
from .overview import Overview
from .rule import Rule, Verdict
from .signing import at_signing

Verdicts = dict[str, tuple[Verdict, ...]]
"""What rules say, by their ids, before any of them silences another."""
SUMMARY_LIMIT = 139
"""A card's summary has fewer than 140 characters (CDS Hooks 2.0, Card Attributes)."""


class Unchecked(msgspec.Struct, frozen=True, kw_only=True):
    """The row of the one finding that names every check that could not be made (GEN-03)."""

    id: str
    number: int
    summary: str
    why: tuple[str, ...]
    citations: tuple[Citation, ...]


class Rulebook(msgspec.Struct, frozen=True, kw_only=True):
    """All rules, found by the ingredients and procedures that they speak of, and the row of unmade checks.

    `overview` says which therapies are told in words when a chart is opened; `off` are rules that are not asked.
    `mentions` are the ids of everything that a rule speaks of, by its own id.
    """

    rules: tuple[Rule, ...]
    by_concern: dict[str, tuple[Rule, ...]]
    unchecked: Unchecked
    overview: Overview | None = None
    off: tuple[Rule, ...] = ()
    mentions: dict[str, frozenset[str]] = {}

    def asking(self, rule_id: str) -> Rulebook:
        """The same with a rule asked that is off; the same itself where it is asked already or does not exist."""
        on = tuple(rule for rule in self.off if rule.row.id == rule_id)
        if not on:
            return self
        concerns = dict(self.by_concern)
        for rule in on:
            for name in rule.concerns:
                concerns[name] = (*concerns.get(name, ()), rule)
        off = tuple(rule for rule in self.off if rule.row.id != rule_id)
        return msgspec.structs.replace(self, rules=(*self.rules, *on), by_concern=concerns, off=off)

    def concerned(self, chart: Chart) -> list[Rule]:
        """The rules of this hook that the chart or basket can concern, in the order of the knowledge."""
        wanted: set[str] = set()
        for draft in chart.drafts:
            if draft.therapy is not None:
                wanted |= draft.therapy.ingredients
            if draft.vaccine is not None:
                wanted.add(ANY_VACCINE)
            if draft.procedure is not None:
                wanted |= draft.procedure.concepts
        if chart.hook == "patient-view":
            wanted.update(chart.therapies)
        found = {rule.row.number: rule for name in wanted for rule in self.by_concern.get(name, ())}
        return [found[number] for number in sorted(found) if chart.hook in found[number].row.hooks]


def judge(book: Rulebook, chart: Chart, asked: Asked | None = None) -> tuple[Finding, ...]:
    """What the rules say, most severe first; empty means checked, nothing to say. `asked` is what they said, if before.

    Of checks that could not be made every one is named when orders are signed, elsewhere those for want of a list. For
    a client that signs without asking, ordering is the time of signing for orders that have a dose (CLINICAL 0.1).
    """
    asked = ask(book, chart) if asked is None else asked
    rules = asked.rules
    findings, unmade = settled(rules, asked.verdicts)
    named = [
        check
        for check in (*untold(chart, book.unchecked.id), *unmade)
        if check.source or chart.hook == "order-sign" or check.order in asked.signed
    ]
    findings, asides = joined(rules, findings, book.unchecked.id, {check.order for check in named if check.order})
    critical = {rule.row.id for rule in rules if rule.row.critical_class}
    told = gathered(book.unchecked, named, critical, asides)
    findings = within_budget(findings, chart.hook, beside=1 if told is not None else 0)
    if book.overview is not None:
        findings = book.overview.beside(chart, findings)
    return (*findings, told) if told is not None else tuple(findings)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What rules were asked, and what each said by itself; `signed` are the orders that are taken as being signed."""

    rules: tuple[Rule, ...]
    verdicts: Verdicts
    signed: frozenset[str] = frozenset()


def ask(book: Rulebook, chart: Chart, dialect: Dialect = GENERIC) -> Asked:
    """Asks every rule that the chart concerns at its hook, and for a client that signs while ordering those of signing."""
    rules = book.concerned(chart)
    verdicts = ask_rules(rules, chart)
    signing = at_signing(chart) if chart.hook == "order-select" and dialect.signs_while_ordering else None
    if signing is None:
        return Asked(rules=tuple(rules), verdicts=verdicts)
    others = [rule for rule in book.concerned(signing) if rule.row.id not in verdicts]
    return Asked(
        rules=tuple(sorted((*rules, *others), key=lambda rule: rule.row.number)),
        verdicts=verdicts | ask_rules(others, signing),
        signed=frozenset(("", *(draft.reference for draft in judged_drafts(signing)))),
    )


def ask_rules(rules: Iterable[Rule], chart: Chart) -> Verdicts:
    """What each of the rules says by itself."""
    return {rule.row.id: heard(rule, chart) for rule in rules}


def heard(rule: Rule, chart: Chart) -> tuple[Verdict, ...]:
    """What a rule says, cautious about what its client never offers, and about a myositis that is not specified."""
    verdicts = tuple(remarked(rule, chart, verdict) for verdict in rule.verdicts(chart))
    if not chart.not_offered:
        return verdicts
    findings = cautious(rule, chart, [verdict for verdict in verdicts if isinstance(verdict, Finding)])
    return (*findings, *(verdict for verdict in verdicts if isinstance(verdict, NotChecked)))


def remarked(rule: Rule, chart: Chart, verdict: Verdict) -> Verdict:
    """A verdict; a remark at most where a rule behind the myositis gate has only an unspecified myositis (CLINICAL 0.2)."""
    behind_gate = rule.row.group == "G" or any("iim" in tier.when for tier in rule.row.tiers)
    if isinstance(verdict, Finding) and behind_gate and for_remarks_only(chart, verdict.orders):
        return msgspec.structs.replace(verdict, severity="info")
    return verdict


def settled(rules: Sequence[Rule], verdicts: Verdicts) -> tuple[list[Finding], list[NotChecked]]:
    """What the rules say once those that are silenced are left out: what fires, most severe first, and unmade checks."""
    findings: list[Finding] = []
    unmade: list[NotChecked] = []
    for rule in rules:
        for verdict in verdicts[rule.row.id]:
            if isinstance(verdict, Finding):
                findings.append(verdict)
            else:
                unmade.append(verdict)
    findings, unmade = silenced(rules, findings, unmade)
    findings.sort(key=lambda finding: SEVERITY_ORDER[finding.severity])
    return findings, unmade


def silenced(
    rules: Sequence[Rule], findings: list[Finding], unmade: list[NotChecked]
) -> tuple[list[Finding], list[NotChecked]]:
    """Without what another finding silences (CLINICAL 0.8); a silenced rule is not named as unchecked either.

    What silences within its order leaves a check of another order named.
    """
    rows = {rule.row.id: rule.row for rule in rules}
    everywhere = {check.order for check in unmade}
    gone: set[int] = set()
    hushed: dict[int, set[str]] = {}
    quiet: set[tuple[str, str]] = set()
    for finding in findings:
        row = rows[finding.rule]
        for silence in row.silences:
            if silence.severity is not None and silence.severity != finding.severity:
                continue
            within = everywhere if silence.scope == "basket" else finding.orders
            quiet.update((rule, order) for rule in silence.rules for order in ("", *within))
            for number, other in enumerate(findings):
                if other.rule not in silence.rules:
                    continue
                if silence.scope == "basket":
                    gone.add(number)
                else:
                    hushed.setdefault(number, set()).update(set(other.orders) & set(finding.orders))
    return (
        [
            left
            for number, finding in enumerate(findings)
            if number not in gone and (left := about_others(finding, hushed.get(number))) is not None
        ],
        [check for check in unmade if (check.rule, check.order) not in quiet],
    )


def about_others(finding: Finding, hushed: set[str] | None) -> Finding | None:
    """A finding without the orders about which it is silenced; None where no order is left."""
    if not hushed:
        return finding
    left = tuple(order for order in finding.orders if order not in hushed)
    return msgspec.structs.replace(finding, orders=left) if left else None


def joined(
    rules: Sequence[Rule], findings: Sequence[Finding], unchecked: str, unsure: set[str]
) -> tuple[list[Finding], list[str]]:
    """The findings, each that joins another of the same order told on its card, the most severe one's (CLINICAL 0.8).

    What may join the unmade checks (the rule `unchecked`) is told beside them in words where they are about its order,
    one of `unsure`: their card has one finding only.
    """
    joins = {rule.row.id: rule.row.joins for rule in rules}
    kept = [finding for finding in findings if not joins[finding.rule]]
    asides: list[str] = []
    for finding in findings:
        wanted, orders = joins[finding.rule], set(finding.orders)
        if not wanted:
            continue
        host = next((n for n, other in enumerate(kept) if other.rule in wanted and orders & set(other.orders)), None)
        if host is not None:
            kept[host] = msgspec.structs.replace(kept[host], joined=(*kept[host].joined, finding))
        elif unchecked in wanted and orders & unsure:
            asides.append(f"{finding.summary}.")
        else:
            kept.append(finding)
    kept.sort(key=lambda finding: SEVERITY_ORDER[finding.severity])
    return kept, asides


def untold(chart: Chart, rule: str) -> Iterator[NotChecked]:
    """What no rule can be asked about, for it cannot be told what it is: drafts, and at patient-view what is taken."""
    for entry in chart.unread:
        if entry.source == "draftOrders":
            yield NotChecked(rule, f"what is ordered ({entry.where})", source=True)
    taken = [entry.where for entry in chart.unread if entry.source in MEDICATION_SOURCES]
    if taken and chart.hook == "patient-view":
        many = f" and {len(taken) - 1} more" if len(taken) > 1 else ""
        yield NotChecked(rule, f"what is taken ({taken[0]}){many}", source=True)


def gathered(
    row: Unchecked, unmade: Iterable[NotChecked], critical: set[str], asides: Sequence[str] = ()
) -> Finding | None:
    """One finding for all checks that could not be made, each once whatever its order; `asides` are told beside them."""
    named = list(dict.fromkeys(msgspec.structs.replace(check, order="") for check in unmade))
    if not named:
        return None
    named.sort(key=lambda check: check.rule not in critical)
    return Finding(
        rule=row.id,
        number=row.number,
        severity="info",
        outcome="not-checked",
        summary=listed(row.summary, [check.missing for check in named]),
        why=(*row.why, *asides),
        citations=row.citations,
        not_checked=tuple(named),
    )


def listed(template: str, missing: Sequence[str]) -> str:
    """The summary with as many of the missing things as fit into 139 characters, the others counted."""
    things = list(dict.fromkeys(missing))
    for shown in range(len(things), -1, -1):
        rest = len(things) - shown
        parts = things[:shown] + ([f"{rest} more" if shown else f"{rest} of them"] if rest else [])
        text = template.format_map({"list": ", ".join(parts)})
        if len(text) <= SUMMARY_LIMIT:
            return text
    return template.format_map({"list": "several"})
