"""Whether one click works: every suggestion accepted, the hook called again, and what is still or newly said."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import msgspec
from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError
from rich.console import Console
from rich.progress import track
from rich.text import Text

from ..clinical.findings import SEVERITY_ORDER, Hook, Severity
from .accepting import Basket, Suggested, accept, head, read_basket, write_basket
from .ehr import Service, call_hook
from .faults import Fault

Call = Callable[[Hook, bytes], bytes]
"""Calls the service of a hook with a request and gives the response."""
ROUNDS = 2
"""After so many rounds of accepting what every card prefers there is rest."""


class Note(msgspec.Struct, frozen=True, rename="camel"):
    """A finding as a card tells it to machines."""

    rule: str
    severity: Severity
    outcome: str
    orders: tuple[str, ...] = ()


class _Extension(msgspec.Struct, frozen=True, rename={"findings": "org.cds-service.findings"}):
    findings: tuple[Note, ...] = ()


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """What of a card matters here."""

    summary: str
    indicator: Severity
    suggestions: tuple[Suggested, ...] = ()
    extension: _Extension = _Extension()

    @property
    def leading(self) -> Note:
        """The finding that the card is about."""
        return self.extension.findings[0]


class _Answer(msgspec.Struct, frozen=True):
    cards: tuple[Card, ...]


def violations(call: Call, request: bytes) -> Iterator[str]:
    """Every way in which a suggestion does not keep its promise, in words without anything of the record."""
    basket = read_basket(request)
    hook = basket.hook
    cards = read_cards(call(hook, request))
    before = {each: worst(call, basket, each) for each in hooks_of(hook)}
    for card in cards:
        for suggestion in card.suggestions:
            name = f"{card.leading.rule}, '{suggestion.label}'"
            yield from (f"{name}: {fault}" for fault in invalid(suggestion))
            yield from (f"{name}: {fault}" for fault in unkept(call, basket, card, suggestion, before))
    yield from unrest(call, basket, cards)


def hooks_of(hook: Hook) -> tuple[Hook, ...]:
    """Where the service is asked again."""
    return (hook,) if hook == "order-sign" else (hook, "order-sign")


def unkept(
    call: Call, basket: Basket, card: Card, suggestion: Suggested, before: dict[Hook, dict[str, int]]
) -> Iterator[str]:
    """What one suggestion leaves or raises."""
    after = accept(basket, (suggestion,))
    grave = SEVERITY_ORDER[card.leading.severity]
    for hook in hooks_of(basket.hook):
        for note in notes(call, after, hook):
            rank = SEVERITY_ORDER[note.severity]
            if is_about(note, card.leading) and rank <= grave and not eases(card, suggestion):
                yield f"{note.rule} {note.severity} is still there at {hook}"
                continue
            known = rank >= before[hook].get(note.rule, len(SEVERITY_ORDER))
            if rank <= grave and not known and note.rule not in MAY_RAISE.get(card.leading.rule, ()):
                yield f"{note.rule} {note.severity} is new at {hook}"


MAY_RAISE = {"MPS-03": ("PJP-01", "BONE-01")}
"""Prednisone after a pulse may itself need what these ask for; the chain is one level long (CLINICAL C.3)."""
EASING = frozenset(("IVIG-06",))
"""The risk of thrombosis stays when the cycle is spread."""


def eases(card: Card, suggestion: Suggested) -> bool:
    """Whether a suggestion need not clear its card: it orders tests, or makes an order safer."""
    tests = all(a.type == "create" and head(a.resource).resource_type == "ServiceRequest" for a in suggestion.actions)
    return tests or card.leading.rule in EASING


def invalid(suggestion: Suggested) -> Iterator[str]:
    """Created resources that are no valid R4."""
    for action in suggestion.actions:
        if action.type == "create":
            try:
                get_fhir_model_class(head(action.resource).resource_type).model_validate_json(bytes(action.resource))
            except ValidationError as error:
                yield f"the created resource is not valid: {error.errors()[0]['loc']}"


def unrest(call: Call, basket: Basket, cards: Sequence[Card]) -> Iterator[str]:
    """What asks again although its suggestion was taken: every card's preferred one, twice over."""
    taken: list[Note] = []
    for _ in range(ROUNDS):
        chosen = [(card, choice) for card in cards if (choice := preferred(card)) is not None]
        taken += [card.leading for card, choice in chosen if not eases(card, choice)]
        basket = accept(basket, [choice for _, choice in chosen])
        request = write_basket(basket, basket.hook) if chosen else None
        if request is None:
            return
        cards = read_cards(call(basket.hook, request))
    for card in cards:
        if preferred(card) is not None and any(is_about(card.leading, note) for note in taken):
            yield f"{card.leading.rule} asks again after {ROUNDS} rounds"


def is_about(note: Note, other: Note) -> bool:
    """Whether two findings are of one rule, about the same orders where they name any."""
    same = not note.orders or not other.orders or not set(note.orders).isdisjoint(other.orders)
    return note.rule == other.rule and same


def preferred(card: Card) -> Suggested | None:
    """The suggestion that a hurried clinician takes."""
    return next((each for each in card.suggestions if each.is_recommended), next(iter(card.suggestions), None))


def worst(call: Call, basket: Basket, hook: Hook) -> dict[str, int]:
    """The rank of each rule's gravest finding at a hook."""
    found: dict[str, int] = {}
    for note in notes(call, basket, hook):
        found[note.rule] = min(found.get(note.rule, len(SEVERITY_ORDER)), SEVERITY_ORDER[note.severity])
    return found


def notes(call: Call, basket: Basket, hook: Hook) -> Iterator[Note]:
    """What fires at a hook."""
    request = write_basket(basket, hook)
    for card in read_cards(call(hook, request)) if request is not None else ():
        yield from (note for note in card.extension.findings if note.outcome == "fires")


def read_cards(response: bytes) -> tuple[Card, ...]:
    """The cards of a response."""
    return msgspec.json.decode(response, type=_Answer).cards


def show_closure(console: Console, service: Service, requests: Sequence[tuple[str, bytes]]) -> bool:
    """Tells of each request what its suggestions did not keep; whether all kept what they promise. Raises Fault."""
    failed = 0
    for name, request in track(requests, console=console, description="Accepting every suggestion", transient=True):
        try:
            broken = list(violations(partial(call_hook, service), request))
        except (msgspec.DecodeError, KeyError):
            raise Fault(f"{name}: this is no request of a hook with its prefetch") from None
        for fault in broken:
            console.print(Text(f"{name}: {fault}"))
        failed += bool(broken)
    console.print(f"{len(requests)} requests, {failed} of them with a suggestion that does not keep its promise.")
    return not failed
