"""National Drug Codes in the one form in which they are compared: eleven digits, five for the labeller, four, two."""

from __future__ import annotations

_WIDTHS = (5, 4, 2)
_WRITTEN = frozenset({(4, 4, 2), (5, 3, 2), (5, 4, 1), (5, 4, 2)})


def read_ndc(code: str) -> str | None:
    """The eleven digits, or None.

    Hyphens tell where a ten-digit code lacks its zero (4-4-2, 5-3-2, 5-4-1). Ten digits without hyphens are not
    decidable and give None.
    """
    code = code.strip()
    if not code.isascii():
        return None
    if len(code) == 11 and code.isdigit():
        return code
    parts = code.split("-")
    if tuple(map(len, parts)) not in _WRITTEN or not all(map(str.isdigit, parts)):
        return None
    return "".join(part.zfill(width) for part, width in zip(parts, _WIDTHS, strict=True))
