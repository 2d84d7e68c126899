"""Discovery: is it there, has it its shape, are the templates such that clients can fill them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl

from .client import Unreachable
from .json_values import Json, NotJson, items, member
from .patients import TOKEN
from .run import Offered, Verification, told
from .shapes import discovery_faults

_STANDARD = frozenset(
    "patient-view order-select order-sign order-dispatch encounter-start encounter-discharge appointment-book "
    "medication-refill problem-list-item-create allergyintolerance-create medication-verify medication-prescribe "
    "order-review".split()
)
_REVERSE_DOMAIN = re.compile(r"[a-z0-9-]+(\.[A-Za-z0-9_-]+)+", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9._~-]+", re.ASCII)
_USERS = frozenset(("userPractitionerId", "userPractitionerRoleId", "userPatientId", "userRelatedPersonId"))
_NO_TOKEN = frozenset(
    "selections draftOrders fulfillmentTasks appointments medications conditions allergyIntolerance medication".split()
)
_MODIFIED = re.compile(r"_(include|revinclude|has|summary|elements|filter|query|contained)\b|\.|:(?!in$)")
_DATE_PREFIX = re.compile(r"(ne|sa|eb|ap)\d")


def look(run: Verification) -> None:
    """Reads discovery; what it offers stands in `run.offered`. Raises Unreachable."""
    ledger = run.ledger
    reply = run.send("GET", "/cds-services")
    if not reply.status:
        raise Unreachable(f"{run.client.base}/cds-services does not answer")
    if reply.status in (401, 403) and run.signer is None:
        ledger.untried("discovery-status", f"discovery asks for a token ({reply.status}): give --key")
        return
    if not ledger.judge("discovery-status", reply.status == 200, told(reply)):
        return
    look_at_type(run, reply.headers.get("content-type", ""), "discovery")
    try:
        value = reply.json()
    except NotJson:
        ledger.failed("discovery-shape", "the body is no JSON")
        return
    faults = list(discovery_faults(value))
    for check, note in faults:
        ledger.failed(check, note)
    services = items(member(value, "services"))
    for check in ("discovery-shape", "service-members", "no-empty-values"):
        ledger.passed(check)
    for number, service in enumerate(services):
        _look_at_service(run, service, f"services[{number}]")
    ids = [member(service, "id") for service in services]
    if ids:
        ledger.judge("distinct-ids", len({str(each) for each in ids}) == len(ids), "an id is given twice")
    run.offered = tuple(_offered(services))


def look_at_type(run: Verification, content_type: str, where: str) -> None:
    """An answer with a body says that it is JSON."""
    kind, _, _ = content_type.partition(";")
    plain = kind.strip().lower()
    run.ledger.judge("content-type", plain == "application/json", f"{where}: another content type")


def _offered(services: list[Json]) -> Iterator[Offered]:
    """Those that can be called, each address once."""
    known: set[str] = set()
    for service in services:
        id_, hook, prefetch = (member(service, name) for name in ("id", "hook", "prefetch"))
        if isinstance(id_, str) and isinstance(hook, str) and _ID.fullmatch(id_) and id_ + hook not in known:
            known.add(id_ + hook)
            templates = prefetch.items() if isinstance(prefetch, dict) else ()
            yield Offered(id=id_, hook=hook, prefetch={k: t for k, t in templates if isinstance(t, str)})


def _look_at_service(run: Verification, service: Json, where: str) -> None:
    ledger = run.ledger
    for name in ("id", "hook", "description"):
        ledger.passed(f"service-{name}")
    for name in ("title", "version"):
        ledger.judge(f"service-{name}", bool(member(service, name)), f"{where} lacks {name}")
    hook = member(service, "hook")
    if isinstance(hook, str):
        known = hook in _STANDARD or _REVERSE_DOMAIN.fullmatch(hook) is not None
        ledger.judge("hook-names", known, f"{where}.hook is neither a standard name nor in reverse-domain form")
    prefetch = member(service, "prefetch")
    if isinstance(prefetch, dict):
        ledger.passed("prefetch-templates")
        for number, template in enumerate(t for t in prefetch.values() if isinstance(t, str)):
            _look_at_template(run, template, f"{where}.prefetch, template {number + 1}")


def _look_at_template(run: Verification, template: str, where: str) -> None:
    names = TOKEN.findall(template)
    plain = TOKEN.sub("x", template)
    known = all(_is_known(name) for name in names) and "{" not in plain and "}" not in plain
    run.ledger.judge("prefetch-tokens", known, f"{where}: a token that clients of 2.0 do not know")
    run.ledger.judge("prefetch-subset", _in_subset(plain), f"{where}: outside of the subset")


def _is_known(name: str) -> bool:
    if name in _USERS:
        return True
    room, _, field = name.partition(".")
    return room == "context" and field.isidentifier() and field not in _NO_TOKEN


def _in_subset(plain: str) -> bool:
    for name, value in parse_qsl(plain.partition("?")[2], keep_blank_values=True):
        if _MODIFIED.search(name) or _DATE_PREFIX.match(value):
            return False
    return True
