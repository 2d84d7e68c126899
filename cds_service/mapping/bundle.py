"""What one prefetch key or one FHIR search brought: the only place that knows Bundle, paging and OperationOutcome.

A value is read into a `Listing`: nothing given, known to be nothing, failed, a part, or the resources. Whatever cannot
be shown to be complete is never taken for complete, and nothing odd in a value raises.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, TypeVar

import msgspec
from msgspec import Raw

from .reads import READS

State = Literal["absent", "none", "failed", "partial", "resources"]
Mode = Literal["match", "include"]
T = TypeVar("T")


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One resource of a listing, undecoded: its `fullUrl` ("" where there is none), how it was found, its type."""

    full_url: str = ""
    resource: Raw = Raw(b"{}")
    mode: Mode = "match"
    resource_type: str = ""


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """What was had for one prefetch key.

    `entries` hold resources only, OperationOutcomes are taken out; `problems` are the places (`entry[3]`) of those that
    hold no resource. Where the state is "partial", `next` is the link of the next page, or "" where the rest cannot be
    had that way. `reason` says why it failed or is partial, without any patient data.
    """

    state: State
    entries: tuple[Entry, ...] = ()
    next: str = ""
    reason: str = ""
    problems: tuple[str, ...] = ()


ABSENT = Listing(state="absent")
NONE = Listing(state="none")


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a search, or one bare resource; `fault` is set where it cannot be trusted to be all it should be."""

    entries: tuple[Entry, ...] = ()
    problems: tuple[str, ...] = ()
    total: int | None = None
    next: str = ""
    fault: str = ""


class _Link(msgspec.Struct, gc=False):
    relation: str | None = None
    url: str | None = None


class _Search(msgspec.Struct, gc=False):
    mode: str | None = None


class _Element(msgspec.Struct, rename="camel", gc=False):
    full_url: str | None = None
    resource: Raw = Raw(b"")
    search: _Search | None = None


class _Response(msgspec.Struct):
    status: str | int = ""


class _Outline(msgspec.Struct, rename="camel"):
    resource_type: str = ""
    total: int | None = None
    link: list[_Link] | None = None
    entry: list[_Element] | None = None
    resource: Raw = Raw(b"")
    response: _Response | None = None


class _OddOutline(msgspec.Struct, rename="camel"):
    resource_type: str = ""
    total: Raw = Raw(b"null")
    link: Raw = Raw(b"null")
    entry: Raw = Raw(b"null")


class _Typed(msgspec.Struct, rename="camel"):
    resource_type: str = ""


class _Named(msgspec.Struct):
    id: str = ""


class _Issue(msgspec.Struct):
    severity: str = ""


class _Outcome(msgspec.Struct):
    issue: list[_Issue] = []


_OUTLINE = msgspec.json.Decoder(_Outline)
_ODD_OUTLINE = msgspec.json.Decoder(_OddOutline)
_TOTAL = msgspec.json.Decoder(int | None, strict=False)
_LINKS = msgspec.json.Decoder(list[_Link] | None)
_ELEMENTS = msgspec.json.Decoder(list[Raw] | None)
_ELEMENT = msgspec.json.Decoder(_Element)
_TYPED = msgspec.json.Decoder(_Typed)
_NAMED = msgspec.json.Decoder(_Named)
_OUTCOME = msgspec.json.Decoder(_Outcome)
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_HARMLESS = {"warning", "information", "success"}  # "success" is of FHIR R5
_USUAL_OPENING = b'{"resourceType":"'
_USUAL_TYPES = {name.encode(): name for name in {read.resource_type for read in READS} | {"Medication"}}


def read_listing(raw: Raw | bytes | None) -> Listing:
    """The listing that a prefetch value stands for; None (and a JSON null) says that there is nothing.

    A bare resource is a listing of one. A value wrapped as `{"response": ..., "resource": ...}`, as clients sent it
    before 2018, is unwrapped. Anything else that is no FHIR resource has failed.
    """
    if raw is None or _is_null(raw):
        return NONE
    return join_pages((read_page(raw),))


def read_page(raw: Raw | bytes, *, search: bool = False) -> Page:
    """One page from its JSON; as the answer to a search, nothing but a Bundle will do."""
    outline = _read_outline(raw)
    if outline is not None and not outline.resource_type and memoryview(outline.resource).nbytes and not search:
        raw = outline.resource
        if outline.response is not None:
            if not str(outline.response.status).startswith("2"):
                return Page(fault="a wrapped response without success")
            if _is_null(raw):
                return Page()
        outline = _read_outline(raw)
    if outline is None:
        return Page(fault="no JSON object")
    match outline.resource_type:
        case "Bundle":
            return _read_bundle(outline)
        case "OperationOutcome":
            return Page(fault="an OperationOutcome instead of the data")
        case "":
            return Page(fault="no FHIR resource")
        case _ if search:
            return Page(fault="no Bundle")
        case resource_type:
            return Page(entries=(Entry(resource=Raw(raw), resource_type=resource_type),))


def join_pages(pages: Sequence[Page], *, fault: str = "") -> Listing:
    """The listing that pages make together, in their order; `fault` says why there are not more of them.

    A resource that stands on several pages (same type and id) is kept once, as the later page has it. Where the total
    that was stated last is larger than what came, the listing is partial.
    """
    whole = pages[0] if len(pages) == 1 else _joined(pages)
    entries, problems, total, reason = whole.entries, whole.problems, whole.total or 0, whole.fault or fault
    link = pages[-1].next if pages and not reason else ""
    if link:
        reason = "only the first page of several"
    elif not reason and sum(entry.mode == "match" for entry in entries) + len(problems) < total:
        reason = "a Bundle with fewer entries than its total"
    elif not reason and problems and not entries:
        reason = "a Bundle without a single resource in its entries"
    if reason:
        state: State = "partial" if entries or link else "failed"
        return Listing(state=state, entries=entries, next=link, reason=reason, problems=problems)
    return Listing(state="resources", entries=entries, problems=problems) if entries else NONE


def _joined(pages: Sequence[Page]) -> Page:
    """The pages as one, without its link."""
    return Page(
        entries=_once(entry for page in pages for entry in page.entries),
        problems=tuple(problem for page in pages for problem in page.problems),
        total=next((page.total for page in reversed(pages) if page.total is not None), None),
        fault=next((page.fault for page in pages if page.fault), ""),
    )


def _read_outline(raw: Raw | bytes) -> _Outline | None:
    try:
        return _OUTLINE.decode(raw)
    except msgspec.ValidationError:
        return _read_odd_outline(raw)
    except _UNREADABLE:
        return None


def _read_odd_outline(raw: Raw | bytes) -> _Outline | None:
    """An outline whose parts are not all as they should be: each by itself, so that one does not spoil the rest."""
    try:
        odd = _ODD_OUTLINE.decode(raw)
    except _UNREADABLE:
        return None
    if odd.resource_type != "Bundle":
        return _Outline(resource_type=odd.resource_type)
    return _Outline(
        resource_type="Bundle",
        total=_decode(_TOTAL, odd.total, None),
        # What cannot be read might have been the next link, or an entry: stand-ins that will be found wanting.
        link=_decode(_LINKS, odd.link, [_Link(relation="next")]),
        entry=[_decode(_ELEMENT, each, _Element()) for each in _decode(_ELEMENTS, odd.entry, [Raw()]) or ()],
    )


def _read_bundle(outline: _Outline) -> Page:
    entries: list[Entry] = []
    problems: list[str] = []
    fault = link = ""
    for place, element in enumerate(outline.entry or ()):
        resource_type = _type_of(element.resource)
        mode = element.search.mode if element.search is not None else "match"
        if resource_type == "OperationOutcome" or mode == "outcome":
            if not _is_harmless(element.resource):
                fault = "a Bundle with an OperationOutcome that reports an error"
        elif resource_type:
            found: Mode = "include" if mode == "include" else "match"
            entries.append(Entry(element.full_url or "", element.resource, found, resource_type))
        else:
            problems.append(f"entry[{place}]")
    for each in outline.link or ():
        if each.relation == "next":
            link = each.url or ""
            fault = fault or ("" if link else "a Bundle with a next link that cannot be read")
            break
    return Page(entries=tuple(entries), problems=tuple(problems), total=outline.total, next=link, fault=fault)


def _is_null(raw: Raw | bytes) -> bool:
    return memoryview(raw)[:16].tobytes().strip() == b"null"


def _type_of(resource: Raw) -> str:
    """The type of a resource, "" where there is none.

    Nearly all begin with it, and a look at the first bytes costs half of a decoding.
    """
    opening = memoryview(resource)[:64].tobytes()
    if opening.startswith(_USUAL_OPENING):
        usual = _USUAL_TYPES.get(opening[len(_USUAL_OPENING) :].partition(b'"')[0])
        if usual is not None:
            return usual
    return _decode(_TYPED, resource, _Typed()).resource_type


def _is_harmless(outcome: Raw) -> bool:
    """True for an OperationOutcome that only remarks; one that cannot be read is not shown to be harmless."""
    issues = _decode(_OUTCOME, outcome, _Outcome()).issue
    return bool(issues) and all(issue.severity in _HARMLESS for issue in issues)


def name_of(entry: Entry) -> str:
    """`Type/id` of a resource of whatever type; its `fullUrl`, or "", where it has no id that can be read."""
    identifier = _decode(_NAMED, entry.resource, _Named()).id
    return f"{entry.resource_type}/{identifier}" if identifier else entry.full_url


def _once(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    kept: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        identifier = _decode(_NAMED, entry.resource, _Named()).id
        key = (entry.resource_type, identifier or f"{len(kept)} without an id")
        if entry.mode == "match" or key not in kept:
            kept[key] = entry
    return tuple(kept.values())


def _decode(decoder: msgspec.json.Decoder[T], raw: Raw, otherwise: T) -> T:
    try:
        return decoder.decode(raw)
    except _UNREADABLE:
        return otherwise
