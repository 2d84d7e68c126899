"""Synthetic patients as a client holds them: contexts for each hook, and prefetch filled by a service's templates."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl, quote

import msgspec

from .json_values import Json, Object, items, member, read_json

HOOKS = ("patient-view", "order-select", "order-sign")
"""The hooks that are played."""

TOKEN = re.compile(r"\{\{([^{}]*)\}\}")
_TOKEN_FILTERS = {"category": "category", "code": "code", "clinical-status": "clinicalStatus"}


class Patient(msgspec.Struct, frozen=True, kw_only=True):
    """One patient: the context of a call and every resource of the record, by name of the synthetic patient."""

    name: str
    context: Object
    resources: tuple[Object, ...]


def read_patient(name: str, request: bytes) -> Patient:
    """A patient out of a hook's request that carries the whole record as prefetch, one of ours: it is trusted."""
    body = read_json(request)
    context, prefetch = member(body, "context"), member(body, "prefetch")
    return Patient(
        name=name,
        context=context if isinstance(context, dict) else {},
        resources=tuple(_resources(prefetch if isinstance(prefetch, dict) else {})),
    )


def _resources(prefetch: Object) -> Iterator[Object]:
    for value in prefetch.values():
        if not isinstance(value, dict):
            continue
        if value.get("resourceType") != "Bundle":
            yield value
            continue
        for entry in items(value.get("entry")):
            resource = member(entry, "resource")
            if isinstance(resource, dict):
                yield resource


def context_for(hook: str, patient: Patient) -> Object | None:
    """The context of the hook; None where the patient has no draft orders to select or sign."""
    context: Object = {
        name: patient.context[name] for name in ("userId", "patientId", "encounterId") if name in patient.context
    }
    if hook == "patient-view":
        return context
    drafts = patient.context.get("draftOrders")
    if not isinstance(drafts, dict):
        return None
    orders = [entry["resource"] for entry in items(drafts.get("entry")) if isinstance(entry, dict)]
    if hook == "order-select":
        context["selections"] = [f"{member(o, 'resourceType')}/{member(o, 'id')}" for o in orders]
    return {**context, "draftOrders": drafts}


def fill(templates: Mapping[str, str], context: Object, patient: Patient) -> tuple[Object, tuple[str, ...]]:
    """The prefetch of the record by key, and the keys whose templates cannot be filled from it."""
    filled: Object = {}
    left: list[str] = []
    for key, template in templates.items():
        value = _fill(template, context, patient)
        if value is None:
            left.append(key)
        else:
            filled[key] = value
    return filled, tuple(left)


def is_search(template: str) -> bool:
    """Whether a template asks for a Bundle."""
    return "?" in template


def _fill(template: str, context: Object, patient: Patient) -> Json:
    values = _tokens(context)
    if any(name.strip() not in values for name in TOKEN.findall(template)):
        return None
    kind, _, query = template.partition("?")
    kind = TOKEN.sub(lambda token: values[token[1].strip()], kind)
    if not is_search(template):
        return next((r for r in patient.resources if f"{r.get('resourceType')}/{r.get('id')}" == kind), None)
    query = TOKEN.sub(lambda token: quote(values[token[1].strip()], safe=""), query)
    found = [r for r in patient.resources if r.get("resourceType") == kind and _is_asked_for(r, query)]
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(found),
        **({"entry": [{"resource": resource} for resource in found]} if found else {}),
    }


def _tokens(context: Object) -> dict[str, str]:
    values = {f"context.{name}": value for name, value in context.items() if isinstance(value, str)}
    kind, _, user = values.get("context.userId", "").partition("/")
    return values | ({f"user{kind}Id": user} if user else {})


def _is_asked_for(resource: Object, query: str) -> bool:
    """By the parameters that can be told from the resource itself; all of a record is the patient's."""
    for name, value in parse_qsl(query):
        wanted = {one.rpartition("|")[2] for one in value.split(",")}
        if name == "_id" and resource.get("id") not in wanted:
            return False
        if name == "status" and resource.get("status") not in wanted:
            return False
        if name in _TOKEN_FILTERS and not wanted & set(_codes(resource.get(_TOKEN_FILTERS[name]))):
            return False
    return True


def _codes(value: Json) -> Iterator[str]:
    for concept in value if isinstance(value, list) else [value]:
        for coding in items(member(concept, "coding")):
            code = member(coding, "code")
            if isinstance(code, str):
                yield code
