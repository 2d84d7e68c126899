"""JSON as it came from a service that nobody trusts yet: read whole, walked with its paths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias, cast

import msgspec

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Object: TypeAlias = "dict[str, Json]"

_DEPTH = 100


class NotJson(Exception):
    """What came is no JSON; the text says why, without what came."""


def read_json(body: bytes) -> Json:
    """The JSON of a body. Raises NotJson, also for JSON nested more than 100 deep."""
    try:
        value = cast(Json, msgspec.json.decode(body))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise NotJson("the body is no JSON") from None
    level: list[Json] = [value]
    for _ in range(_DEPTH):
        level = [each for one in level for each in _inside(one)]
        if not level:
            return value
    raise NotJson(f"the body is nested more than {_DEPTH} deep")


def _inside(value: Json) -> Iterable[Json]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def write_json(value: Json) -> bytes:
    """JSON for a request."""
    return msgspec.json.encode(value)


def member(value: Json, name: str) -> Json:
    """The member of an object; None where there is none, or no object."""
    return value.get(name) if isinstance(value, dict) else None


def items(value: Json) -> list[Json]:
    """The items of a list; none where there is no list."""
    return value if isinstance(value, list) else []


def path_of(parts: Iterable[str | int]) -> str:
    """A path as people write it: `cards[0].summary`; names that could hold anything are cut to 40 plain characters."""
    path = ""
    for part in parts:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            name = "".join(letter for letter in part if letter.isprintable())[:40]
            path += f".{name}" if path else name
    return path or "the body"


def empty_places(value: Json, path: tuple[str | int, ...] = (), *, in_resource: bool = False) -> Iterator[str]:
    """Where null, "", [] or {} stands.

    `cards` and `services` at the top may be empty, and FHIR has null in a list of primitives whose extension stands
    beside it.
    """
    if value is None or value == "" or value == [] or value == {}:
        if not (value == [] and path in (("cards",), ("services",))) and not (
            value is None and in_resource and path and isinstance(path[-1], int)
        ):
            yield path_of(path)
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from empty_places(each, (*path, name), in_resource=in_resource or name == "resource")
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from empty_places(each, (*path, number), in_resource=in_resource)
