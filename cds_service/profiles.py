"""The dialects that ship, by name."""

from __future__ import annotations

from .clinical.dialect import GENERIC, Dialect

_SHIPPED = {GENERIC.name: GENERIC}


def dialect_named(name: str) -> Dialect:
    """A shipped dialect. Raises KeyError for a name that there is not."""
    return _SHIPPED[name]
