"""The synthetic patients of `fixtures/fhir`, read with their dates moved to now.

A folder holds `fixture.json` (what it shows, and the day it was written for), `request.json` (the hook's request with
the whole record as prefetch) and `expected.json` (the cards). The record for a FHIR server is derived from the request.
"""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from .._fixtures import fixtures_folder
from ..clinical.findings import Hook
from .dates import shift_dates, weeks_until
from .faults import UnknownFixture


class Fixture(msgspec.Struct, frozen=True, kw_only=True):
    """One synthetic patient. All dates are moved, `as_of` too; `request` and `expected` are JSON."""

    name: str
    title: str
    story: str
    as_of: dt.date
    hook: Hook
    patient_id: str
    request: bytes
    expected: bytes

    def resources(self) -> tuple[msgspec.Raw, ...]:
        """The record, resource by resource, the Patient first."""
        return tuple(_resources(msgspec.json.decode(self.request, type=_Request)))

    def transaction(self) -> bytes:
        """The record as a transaction Bundle that puts each resource under its own id: it may be repeated."""
        entries = tuple(_put(resource) for resource in self.resources())
        return msgspec.json.encode(_Transaction(entry=entries))

    def request_to(self, fhir_server: str) -> bytes:
        """The request without prefetch: the service has to read the record from `fhir_server`."""
        request = msgspec.json.decode(self.request, type=_Request)
        return msgspec.json.encode(
            _BareRequest(
                hook=request.hook,
                hook_instance=request.hook_instance,
                fhir_server=fhir_server,
                context=request.context,
            )
        )


def fixture_names() -> tuple[str, ...]:
    """The names of all synthetic patients, in alphabetical order."""
    return tuple(sorted(folder.parent.name for folder in fixtures_folder().glob("*/fixture.json")))


def load_fixture(name: str, today: dt.date) -> Fixture:
    """The synthetic patient of that name, as if written for `today` or one of the six days before.

    Raises UnknownFixture.
    """
    if name not in fixture_names():
        near = difflib.get_close_matches(name, fixture_names(), n=1, cutoff=0.4)
        raise UnknownFixture(f"no synthetic patient is called {name}" + (f"; is it {near[0]}?" if near else ""))
    folder = fixtures_folder() / name
    about = msgspec.json.decode((folder / "fixture.json").read_bytes(), type=_About)
    weeks = weeks_until(about.as_of, today)
    request = _read(folder / "request.json", weeks)
    read = msgspec.json.decode(request, type=_Request)
    return Fixture(
        name=name,
        title=about.title,
        story=about.story,
        as_of=about.as_of + dt.timedelta(weeks=weeks),
        hook=read.hook,
        patient_id=msgspec.json.decode(read.context, type=_Context).patient_id,
        request=request,
        expected=_read(folder / "expected.json", weeks),
    )


def load_fixtures(today: dt.date) -> tuple[Fixture, ...]:
    """All synthetic patients."""
    return tuple(load_fixture(name, today) for name in fixture_names())


def _read(file: Path, weeks: int) -> bytes:
    return shift_dates(file.read_text(encoding="utf-8"), weeks).encode()


class _About(msgspec.Struct, frozen=True, kw_only=True):
    title: str
    story: str
    as_of: dt.date


class _Context(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    patient_id: str


class _BareRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    hook: Hook
    hook_instance: str
    fhir_server: str = ""
    context: msgspec.Raw


class _Request(_BareRequest, frozen=True, kw_only=True, rename="camel"):
    prefetch: dict[str, msgspec.Raw]


class _Entry(msgspec.Struct, frozen=True, kw_only=True):
    resource: msgspec.Raw


class _Head(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What of a resource must be known to store it, and what of a Bundle to take it apart."""

    resource_type: str
    id: str = ""
    entry: tuple[_Entry, ...] = ()


class _Put(msgspec.Struct, frozen=True, kw_only=True):
    url: str
    method: str = "PUT"


class _PutEntry(msgspec.Struct, frozen=True, kw_only=True):
    resource: msgspec.Raw
    request: _Put


class _Transaction(msgspec.Struct, frozen=True, kw_only=True, tag_field="resourceType", tag="Bundle"):
    type: str = "transaction"
    entry: tuple[_PutEntry, ...]


def _resources(request: _Request) -> Iterator[msgspec.Raw]:
    for value in request.prefetch.values():
        head = msgspec.json.decode(value, type=_Head)
        if head.resource_type == "Bundle":
            yield from (entry.resource for entry in head.entry)
        else:
            yield value


def _put(resource: msgspec.Raw) -> _PutEntry:
    head = msgspec.json.decode(resource, type=_Head)
    return _PutEntry(resource=resource, request=_Put(url=f"{head.resource_type}/{head.id}"))
