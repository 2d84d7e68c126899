"""Answers held against the JSON Schemas: each fault of a schema belongs to exactly one check."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files

import msgspec
from jsonschema import Draft202012Validator, ValidationError

from .json_values import Json, empty_places, items, member, path_of

Fault = tuple[str, str]
"""The id of a check, and where it fails."""


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(msgspec.json.decode((files("cds_service.hooks") / "schemas" / name).read_bytes()))


def is_outcome(value: Json) -> bool:
    """Whether it is an OperationOutcome of FHIR R4."""
    return _validator("operation-outcome.json").is_valid(value)


def discovery_faults(value: Json) -> Iterator[Fault]:
    """What is wrong with an answer to discovery."""
    yield from (("no-empty-values", f"discovery: {place}") for place in empty_places(value))
    for error in _told(_validator("discovery.json"), value):
        yield _of_discovery(error), path_of(error.absolute_path) + _why(error)


def response_faults(value: Json) -> Iterator[Fault]:
    """What is wrong with an answer to a call."""
    yield from (("no-empty-values", place) for place in empty_places(value))
    for error in _told(_validator("response.json"), value):
        yield _of_response(error, value), path_of(error.absolute_path) + _why(error)
    seen: set[str] = set()
    for place, uuid in _uuids(value):
        if uuid.lower() in seen:
            yield "uuid-unique", f"{place} was given before"
        seen.add(uuid.lower())


def looked_at(value: Json) -> Iterator[str]:
    """The checks that an answer to a call gives something to look at, so that they may pass."""
    yield from ("response-shape", "no-empty-values", "known-members")
    if "systemActions" in (value if isinstance(value, dict) else ()):
        yield "system-actions"
    for card in items(member(value, "cards")):
        yield from ("card-shape", "summary-length", "indicator", "source-label")
        source = member(card, "source")
        if member(source, "url") or member(source, "icon"):
            yield "source-url"
        for part, name, check in (
            (source, "topic", "source-topic"),
            (card, "uuid", "uuid-form"),
            (card, "uuid", "uuid-unique"),
            (card, "overrideReasons", "override-reasons"),
            (card, "extension", "extension-object"),
        ):
            if member(part, name):
                yield check
        for link in items(member(card, "links")):
            yield "link-shape"
            if member(link, "appContext") or member(link, "type") == "absolute":
                yield "link-app-context"
        for suggestion in items(member(card, "suggestions")):
            yield from ("selection-behavior", "recommended", "suggestion-shape")
            for action in items(member(suggestion, "actions")):
                yield from ("action-type", "action-description")
                yield "delete-resource-id" if member(action, "type") == "delete" else "action-resource"


def _told(validator: Draft202012Validator, value: Json) -> Iterator[ValidationError]:
    """The faults, without those of empty values: they are told once, by `no-empty-values`."""
    for error in validator.iter_errors(value):
        if error.absolute_path and (error.instance is None or error.instance in ("", [], {})):
            if error.validator in ("type", "minLength", "minItems", "minProperties", "enum", "const", "pattern"):
                continue
            if error.instance is None:
                continue
        yield error


def _why(error: ValidationError) -> str:
    """What is wrong, never with a value of the answer."""
    match error.validator:
        case "required":
            return f" lacks {_lacks(error)}"
        case "dependentRequired":
            return " lacks selectionBehavior"
        case "type":
            return f" is no {error.validator_value}"
        case "enum":
            return " is none of the values that there are"
        case "maxLength":
            return f" has {len(str(error.instance))} characters"
        case "pattern":
            return " has not the form that it must have"
        case "additionalProperties":
            return " has members that are not known"
        case None:
            return " may not stand here"
    return " is not as it must be"


def _lacks(error: ValidationError) -> str:
    """The member that is missing, "" where another thing is wrong."""
    wanted, given = error.validator_value, error.instance
    if error.validator != "required" or not isinstance(wanted, list) or not isinstance(given, dict):
        return ""
    missing = (str(name) for name in wanted if name not in given)
    return next((name for name in missing if error.message.startswith(f"'{name}'")), "")


def _of_discovery(error: ValidationError) -> str:
    path = [*error.absolute_path, _lacks(error)]
    if error.validator == "additionalProperties" and "prefetch" not in path:
        return "service-members"
    if len(path) < 4 or path[0] != "services":
        return "discovery-shape" if path[0] != "services" or len(path) < 3 else _service_check(str(path[2]))
    return _service_check(str(path[2]))


def _service_check(name: str) -> str:
    return {
        "id": "service-id",
        "hook": "service-hook",
        "description": "service-description",
        "title": "service-title",
        "version": "service-version",
        "hookVersion": "service-version",
        "prefetch": "prefetch-templates",
        "extension": "extension-object",
    }.get(name, "discovery-shape")


_MEMBERS = {
    "summary": "card-shape",
    "indicator": "indicator",
    "detail": "card-shape",
    "uuid": "uuid-form",
    "selectionBehavior": "selection-behavior",
    "overrideReasons": "override-reasons",
    "suggestions": "suggestion-shape",
    "links": "link-shape",
    "extension": "extension-object",
}
_SOURCE = {"label": "source-label", "url": "source-url", "icon": "source-url", "topic": "source-topic"}
_ACTION = {"type": "action-type", "description": "action-description", "resourceId": "delete-resource-id"}


def _of_response(error: ValidationError, value: Json) -> str:
    path = [*error.absolute_path, *filter(None, [_lacks(error)])]
    names = [part for part in path if isinstance(part, str)]
    if error.validator == "additionalProperties":
        return "known-members"
    if names[:1] == ["systemActions"]:
        return "system-actions"
    if names[-1:] == ["extension"]:
        return "extension-object"
    if names[:1] != ["cards"] or len(path) < 2:
        return "response-shape"
    inside = names[1:]
    match inside:
        case [] if error.validator == "dependentRequired":
            return "selection-behavior"
        case ["summary"] if error.validator == "maxLength":
            return "summary-length"
        case ["indicator"] if _lacks(error):
            return "card-shape"
        case ["source", name, *_]:
            return _SOURCE.get(name, "card-shape")
        case ["suggestions"] if error.validator in ("contains", "maxContains"):
            return "recommended"
        case ["suggestions", "actions", *rest] if len(path) > 5:
            return _action_check(error, value, rest)
        case ["suggestions", "uuid"]:
            return "uuid-form"
        case ["suggestions", "isRecommended"]:
            return "recommended"
        case ["links", "appContext"]:
            return "link-app-context"
        case ["links"] if error.validator is None:  # only appContext is forbidden there
            return "link-app-context"
    return _MEMBERS.get(inside[0] if inside else "", "card-shape")


def _action_check(error: ValidationError, value: Json, rest: list[str]) -> str:
    """`rest` are the names below the action. A delete may have the form of 1.0: the id stands in `resource`."""
    if error.validator is None:
        return "delete-resource-id" if "then" in error.absolute_schema_path else "known-members"
    if rest[:1] == ["resource"] and member(_at(value, [*error.absolute_path][:6]), "type") == "delete":
        return "delete-resource-id"
    return _ACTION.get(rest[0] if rest else "", "action-resource")


def _at(value: Json, path: list[str | int]) -> Json:
    for part in path:
        value = items(value)[part] if isinstance(part, int) else member(value, part)
    return value


def _uuids(value: Json) -> Iterator[tuple[str, str]]:
    for number, card in enumerate(items(member(value, "cards"))):
        uuid = member(card, "uuid")
        if isinstance(uuid, str):
            yield f"cards[{number}].uuid", uuid
        for place, suggestion in enumerate(items(member(card, "suggestions"))):
            uuid = member(suggestion, "uuid")
            if isinstance(uuid, str):
                yield f"cards[{number}].suggestions[{place}].uuid", uuid
