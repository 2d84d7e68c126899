"""Cards: findings and offers written as the response, in the one place that serialises it.

Strict CDS Hooks 2.0.1. A member without a value is left out: no null, "", [] or {} anywhere but in `cards: []`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Literal

import msgspec

from ..clinical.dialect import Dialect
from ..clinical.findings import SEVERITY_ORDER, Citation, Evidence, Finding, Outcome, OverrideReason, Severity
from ..clinical.remedy import Change, Offer
from .markdown import escape, escape_label

RULE_SYSTEM = "https://cds-service.org/CodeSystem/rule"
"""The code system of `source.topic`: one code for each rule, whatever the address of the deployment."""
OVERRIDE_SYSTEM = "https://cds-service.org/CodeSystem/override-reason"
"""The code system of override reasons, whatever the address of the deployment."""
MAX_SUMMARY = 139
"""So many characters may a summary have: CDS Hooks wants fewer than 140."""
NO_SOURCE = "Myositis drug safety rules"
"""What a card names as its source where its finding cites none."""
DOSE_NOT_KEPT = "This system may take over no dose from a suggested order: enter it as the suggestion says it."
"""What a card with a suggested order tells the users of a client that drops the dose."""

_remembered = lru_cache(maxsize=4096)
"""For what is written from knowledge alone, the same on every card of a rule; never for what a record says."""


class Coding(msgspec.Struct, frozen=True, kw_only=True):
    """A code with its system and what it means."""

    code: str
    system: str
    display: str


class Source(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a card comes from: the leading citation, and the rule as a code that never changes."""

    label: str
    url: str = ""
    topic: Coding


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A publisher's page."""

    label: str
    url: str
    type: Literal["absolute"] = "absolute"


class Action(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One change. `resource` is written byte for byte as it came from the writer (create, update).

    For a delete it is there only in the old style, and holds the reference as text.
    """

    type: Literal["create", "update", "delete"]
    description: str
    resource: msgspec.Raw | None = None
    resource_id: str = ""


class Suggestion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One choice of the clinician: all its actions or none."""

    label: str
    uuid: str
    is_recommended: bool = False
    actions: tuple[Action, ...] = ()


class Unchecked(msgspec.Struct, frozen=True):
    """One check that could not be made, and what it lacked."""

    rule: str
    missing: str


class FindingNote(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """What one rule said, for machines."""

    rule: str
    severity: Severity
    outcome: Outcome
    orders: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    not_checked: tuple[Unchecked, ...] = ()


class CardExtension(msgspec.Struct, frozen=True, rename={"findings": "org.cds-service.findings"}):
    """Our extension of a card."""

    findings: tuple[FindingNote, ...]


class Card(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One card, as CDS Hooks 2.0.1 has it."""

    uuid: str
    summary: str
    detail: str = ""
    indicator: Severity
    source: Source
    suggestions: tuple[Suggestion, ...] = ()
    selection_behavior: Literal["", "at-most-one", "any"] = ""
    override_reasons: tuple[Coding, ...] = ()
    links: tuple[Link, ...] = ()
    extension: CardExtension


class _Response(msgspec.Struct, frozen=True):
    cards: tuple[Card, ...]


def write_cards(
    findings: Sequence[Finding],
    offers: Mapping[int, Sequence[Offer]],
    *,
    dialect: Dialect,
    card_uuid: Callable[[Finding], str],
    suggestion_uuid: Callable[[], str],
) -> bytes:
    """The response to a hook: one card for each finding, the gravest first, else in the given order.

    `offers` holds the offers of a finding by its index in `findings`. No finding gives `{"cards": []}`. A summary that
    is too long is a ValueError: wording is checked when the knowledge is loaded.
    """
    order = sorted(range(len(findings)), key=lambda index: SEVERITY_ORDER[findings[index].severity])
    cards = tuple(
        _card(findings[index], offers.get(index, ()), dialect, card_uuid(findings[index]), suggestion_uuid)
        for index in order
    )
    return msgspec.json.encode(_Response(cards))


def _card(
    finding: Finding, offers: Sequence[Offer], dialect: Dialect, uuid: str, suggestion_uuid: Callable[[], str]
) -> Card:
    if not 0 < len(finding.summary) <= MAX_SUMMARY:
        raise ValueError(f"the summary of {finding.rule} has {len(finding.summary)} characters")
    selection: Literal["", "at-most-one", "any"] = ""
    if offers:
        selection = dialect.selection or ("at-most-one" if finding.exclusive else "any")
    # Where the client has "any" for everything, of exclusive offers still only one is recommended.
    return Card(
        uuid=uuid.lower(),
        summary=finding.summary,
        detail="\n\n".join(_detail(finding, dialect, creates=_creates(offers))),
        indicator=dialect.shown(finding.severity),
        source=_source(finding.rule, finding.citations, plain=dialect.plain_topics),
        suggestions=tuple(_suggestions(offers, dialect, suggestion_uuid, only_one=finding.exclusive)),
        selection_behavior=selection,
        override_reasons=_override_reasons(finding.override_reasons) if dialect.override_reasons else (),
        links=_links(_citations(finding)),
        extension=CardExtension(tuple(map(_note, finding.told))),
    )


@_remembered
def _source(rule: str, citations: tuple[Citation, ...], *, plain: bool) -> Source:
    code = "".join(filter(str.isalnum, rule)) if plain else rule
    topic = Coding(code=code, system=RULE_SYSTEM, display=f"Rule {rule}")
    if not citations:
        return Source(label=NO_SOURCE, topic=topic)
    leading = citations[0]
    return Source(label=leading.label, url=leading.url, topic=topic)


@_remembered
def _override_reasons(reasons: tuple[OverrideReason, ...]) -> tuple[Coding, ...]:
    return tuple(Coding(code=reason.code, system=OVERRIDE_SYSTEM, display=reason.display) for reason in reasons)


def _citations(finding: Finding) -> tuple[Citation, ...]:
    """What the card cites: the finding's own sources, then those of the findings that share it."""
    told = finding.told
    return finding.citations if len(told) == 1 else tuple(citation for each in told for citation in each.citations)


def _suggestions(
    offers: Sequence[Offer], dialect: Dialect, suggestion_uuid: Callable[[], str], *, only_one: bool
) -> Iterator[Suggestion]:
    recommended = False
    for offer in offers:
        recommend = offer.recommended and not (only_one and recommended)
        recommended = recommended or recommend
        yield Suggestion(
            label=offer.label,
            uuid=suggestion_uuid().lower(),
            is_recommended=recommend,
            actions=tuple(_action(change, _description(change, offer, dialect), dialect) for change in offer.changes),
        )


def _creates(offers: Sequence[Offer]) -> bool:
    return any(change.kind == "create" for offer in offers for change in offer.changes)


def _description(change: Change, offer: Offer, dialect: Dialect) -> str:
    """What an action does; for a client that does not show labels, with the whole sense of its suggestion."""
    if not dialect.full_description or change.description == offer.label:
        return change.description
    return offer.label if len(offer.changes) == 1 else f"{offer.label}: {change.description}"


def _action(change: Change, description: str, dialect: Dialect) -> Action:
    if change.kind == "delete":
        named = msgspec.Raw(msgspec.json.encode(change.target)) if dialect.old_delete else None
        return Action(type="delete", description=description, resource=named, resource_id=change.target)
    return Action(type=change.kind, description=description, resource=msgspec.Raw(change.resource))


@_remembered
def _links(citations: tuple[Citation, ...]) -> tuple[Link, ...]:
    """One link for each address, in the order of the citations."""
    by_url: dict[str, Citation] = {}
    for citation in citations:
        if citation.url:
            by_url.setdefault(citation.url, citation)
    return tuple(Link(label=_cited(citation), url=url) for url, citation in by_url.items())


@_remembered
def _sources(citations: tuple[Citation, ...]) -> str:
    return "Source: " + "; ".join(escape(_cited(citation)) for citation in dict.fromkeys(citations))


@_remembered
def _sentence(text: str) -> str:
    return escape(text)


def _cited(citation: Citation) -> str:
    return f"{citation.label}, {citation.at}" if citation.at else citation.label


def _note(finding: Finding) -> FindingNote:
    return FindingNote(
        rule=finding.rule,
        severity=finding.severity,
        outcome=finding.outcome,
        orders=finding.orders,
        evidence=tuple(dict.fromkeys(item.reference for item in finding.evidence)),
        not_checked=tuple(Unchecked(item.rule, item.missing) for item in finding.not_checked),
    )


def _detail(finding: Finding, dialect: Dialect, *, creates: bool) -> Iterator[str]:
    """The paragraphs of the detail in Markdown; everything in a finding is plain text and is escaped here.

    `creates` is whether an order is suggested.
    """
    if dialect.shown(finding.severity) != finding.severity:
        yield f"Severity of the rule: {finding.severity}."
    if finding.gathered:
        yield _bullets(" ".join(map(escape, _in_short(each))) for each in finding.told)
    elif finding.why:
        # What could not be checked may be told with figures of the record.
        yield " ".join(map(_sentence if finding.outcome == "fires" else escape, finding.why))
    # A line that names the resource already, with its figures, stands for its evidence.
    said = "\n".join(finding.found)
    unsaid = [item for item in finding.evidence if not item.label or item.label not in said]
    found = [*map(escape, finding.found), *map(_seen, unsaid)]
    if found:
        yield "Found:\n\n" + _bullets(found)
    if finding.not_checked:
        yield "Not checked:\n\n" + _bullets(
            f"{escape(item.rule)}: {escape(item.missing)}" for item in finding.not_checked
        )
    for other in finding.joined:
        yield "Also: " + " ".join(map(escape, (f"{other.summary}.", *other.why)))
    if finding.caveats:
        yield "Not known:\n\n" + _bullets(map(escape, finding.caveats))
    if creates and not dialect.keeps_dose:
        yield DOSE_NOT_KEPT
    if finding.therapies:
        yield "Therapies on record:\n\n" + _bullets(map(escape, finding.therapies))
    cited = _citations(finding)
    if cited:
        yield _sources(cited)


def _in_short(finding: Finding) -> Iterator[str]:
    """A finding among others: what it says, why, what was found and what was not known."""
    yield f"{finding.summary}."
    yield from finding.why
    if finding.found:
        yield f"Found: {'; '.join(finding.found)}."
    if finding.caveats:
        yield f"Not known: {'; '.join(finding.caveats)}."


def _bullets(lines: Sequence[str] | Iterator[str]) -> str:
    return "\n".join(f"- {line}" for line in dict.fromkeys(lines))


def _seen(item: Evidence) -> str:
    label = escape_label(item.label or item.reference)
    return f"{label} ({item.day.isoformat()})" if item.day else label
