"""JSON objects from strangers: every member once at every depth, only numbers that are numbers, nothing after the end."""

from __future__ import annotations

import json
import math


def read_object(text: bytes) -> dict[str, object]:
    """The members of the one JSON object in UTF-8 that `text` is. Raises ValueError for anything else.

    The caller bounds the size. A member that stands twice is refused, since which of them counts differs by reader.
    """
    try:
        value = json.loads(
            text.decode("utf-8"),
            object_pairs_hook=_once,
            parse_constant=_no_number,
            parse_float=_finite,
        )
        if b"\\u" in text:
            json.dumps(
                value, ensure_ascii=False
            ).encode()  # Half a character is none: a ValueError, here and not later.
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a member stands twice")
    return members


def _no_number(_: str) -> object:
    raise ValueError("not a number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is out of range")
    return number
