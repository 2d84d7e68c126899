"""What one client wants otherwise than the specification: a frozen plain value, built by the settings."""

from __future__ import annotations

from typing import Literal

import msgspec


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """How cards are to be written for one client; the defaults are plain CDS Hooks 2.0.

    `selection` forces one `selectionBehavior` ("" leaves the card's own). `updates` and `one_action` say whether an
    update of an order, or more than one action in a suggestion, may be offered at all. `never_offers` names prefetch
    keys that this client cannot have.
    """

    name: str = "generic"
    selection: Literal["", "any"] = ""
    updates: bool = True
    one_action: bool = False
    never_offers: frozenset[str] = frozenset()


GENERIC = Dialect()
