"""A card's uuid: a UUID version 8 that says which rule spoke, so that feedback can be attributed without a patient.

It carries rule number (12 bits), severity (2), hook (2), knowledge version (32), day (16), entropy (26) and a keyed
checksum (32) that tells our own ids from invented ones.
"""

from __future__ import annotations

import datetime as dt
import hmac
import uuid
from typing import get_args

import msgspec

from ..clinical.findings import Hook, Severity

_EPOCH = dt.date(2020, 1, 1)
_SEVERITIES: tuple[Severity, ...] = get_args(Severity)
_HOOKS: tuple[Hook, ...] = get_args(Hook)
ENTROPY_BITS = 26


class CardId(msgspec.Struct, frozen=True, kw_only=True):
    """What a card's uuid carries. `version` is the knowledge's, eight hexadecimal digits; `day` from 2020 to 2199."""

    number: int
    severity: Severity
    hook: Hook
    version: str
    day: dt.date


def write_card_id(card: CardId, *, key: bytes, entropy: int) -> str:
    """The uuid in lower case. Of `entropy` the lowest 26 bits are taken: they keep two cards of a day apart."""
    payload = (card.number & 0xFFF) << 110
    payload |= _SEVERITIES.index(card.severity) << 108
    payload |= _HOOKS.index(card.hook) << 106
    payload |= int(card.version, 16) << 74
    payload |= ((card.day - _EPOCH).days & 0xFFFF) << 58
    payload |= (entropy & ((1 << ENTROPY_BITS) - 1)) << 32
    return str(uuid.UUID(int=_spread(payload | _checksum(payload, key))))


def read_card_id(text: str, *, key: bytes) -> CardId | None:
    """What the uuid carries, or None where it is not one of ours under this key."""
    try:
        value = uuid.UUID(text).int
    except ValueError:
        return None
    bits = _gather(value)
    payload = bits >> 32 << 32
    if _spread(bits) != value or bits & 0xFFFFFFFF != _checksum(payload, key):
        return None
    severity, hook = payload >> 108 & 3, payload >> 106 & 3
    if severity >= len(_SEVERITIES) or hook >= len(_HOOKS):
        return None
    return CardId(
        number=payload >> 110,
        severity=_SEVERITIES[severity],
        hook=_HOOKS[hook],
        version=f"{payload >> 74 & 0xFFFFFFFF:08x}",
        day=_EPOCH + dt.timedelta(days=payload >> 58 & 0xFFFF),
    )


def _checksum(payload: int, key: bytes) -> int:
    return int.from_bytes(hmac.digest(key, payload.to_bytes(16, "big"), "sha256")[:4], "big")


def _spread(bits: int) -> int:
    """122 bits with the version (8) and the variant (binary 10) put where RFC 9562 wants them."""
    return bits >> 74 << 80 | 8 << 76 | (bits >> 62 & 0xFFF) << 64 | 2 << 62 | bits & ((1 << 62) - 1)


def _gather(value: int) -> int:
    """The 122 bits without version and variant."""
    return value >> 80 << 74 | (value >> 64 & 0xFFF) << 62 | value & ((1 << 62) - 1)
