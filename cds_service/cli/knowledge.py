"""The knowledge for the command line: loaded as the service loads it, its faults told, its mutants judged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..knowledge.cases import Case, load_cases
from ..knowledge.check import by_name_alone, faults
from ..knowledge.entry import Entry
from ..knowledge.faults import BadKnowledge, unknown_name
from ..knowledge.loader import FOLDER, Knowledge, load, read_catalogue
from ..knowledge.meanings import load_meanings
from ..knowledge.mutation import Mutant, Mutation, Outcome, judged
from ..mapping.terminology import Terminology
from .faults import Fault


class UnknownRule(Fault):
    """No rule has this id; the text names the nearest."""


def load_knowledge(terminology: Terminology, site_file: str = "") -> Knowledge:
    """The knowledge as the service runs on it, with a site's file where one is named. Raises Fault."""
    site = Path(site_file) if site_file else None
    try:
        return load(terminology.name_of, terminology.ingredients, terminology.procedures, site=site)
    except BadKnowledge as fault:
        raise Fault(str(fault)) from None


def cases_by_rule() -> dict[str, list[Case]]:
    """All cases by the rule that they are about. Raises Fault."""
    found: dict[str, list[Case]] = {}
    for case in _cases():
        found.setdefault(case.rule, []).append(case)
    return found


def _cases() -> tuple[Case, ...]:
    try:
        return load_cases()
    except BadKnowledge as fault:
        raise Fault(str(fault)) from None


def entry_of(knowledge: Knowledge, rule: str) -> Entry:
    """The rule of this id, in whatever case it is typed. Raises UnknownRule."""
    by_id = {entry.id.upper(): entry for entry in knowledge.entries}
    entry = by_id.get(rule.upper())
    if entry is None:
        raise UnknownRule(unknown_name("rule", rule.upper(), by_id))
    return entry


def check(terminology: Terminology) -> tuple[list[str], list[str]]:
    """What is wrong with the knowledge as shipped, and what is worth knowing; without a fault the first is empty.

    A site changes what its rules say on purpose, so its file is not held against the cases.
    """
    try:
        knowledge, cases, meanings = load_knowledge(terminology), _cases(), load_meanings()
    except (Fault, BadKnowledge) as fault:
        return [str(fault)], []
    alone = by_name_alone(knowledge, terminology)
    remarks = [
        f"{len(knowledge.entries)} rules, {len(cases)} cases.",
        f"{len(alone)} ingredients are known by their names alone, without a verified code: {', '.join(alone)}.",
    ]
    return [str(fault) for fault in faults(knowledge, cases, meanings)], remarks


def mutants(terminology: Terminology, only: Sequence[str]) -> list[Mutant]:
    """The mutants of all rules, or of those in `only`. Raises Fault."""
    knowledge = load_knowledge(terminology)
    rules = [entry_of(knowledge, rule).id for rule in only]
    catalogue = read_catalogue(FOLDER, terminology.name_of, terminology.ingredients, terminology.procedures)
    return list(Mutation(catalogue, FOLDER).mutants(rules))


def outcomes(terminology: Terminology, found: Sequence[Mutant]) -> Iterator[Outcome]:
    """Each mutant with whether the cases of its rule caught it."""
    return judged(found, load_knowledge(terminology).book, _cases())
