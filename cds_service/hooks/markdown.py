"""Plain text made safe inside GitHub Flavored Markdown, also where a client lets raw HTML through."""

from __future__ import annotations

import re

LABEL_LENGTH = 80
"""So many characters of a record's own words are shown; what is cut ends in an ellipsis."""

_BREAK = "\N{ZERO WIDTH SPACE}"
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# Each pattern begins with the few characters that it is about: a text without them is passed over at once.
_MARKUP = re.compile(r"[\\`*_\[\]|~&<>]")
_BREAK_AFTER = re.compile(r"[/@.](?:(?<=@)|(?<=/)(?=/)|(?<=\w\.)(?=[^\W\d_]{2}))")
_BREAK_BEFORE = re.compile(r"[.:](?:(?<=www\.)|(?<=mailto:))", re.IGNORECASE)
_LINE_MARK = re.compile(r"(\d*)([-+=#]|(?<=\d)[.)])")


def plain(text: str) -> str:
    """One line of printable text: breaks, control, formatting and bidirectional characters become single spaces."""
    if not text.isprintable():
        text = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(text.split())


def escape(text: str) -> str:
    """One line that Markdown shows as it is: no markup, no tag and no link out of anything in it.

    Web and mail addresses are parted by zero-width spaces, since renderers link even escaped and bare ones.
    """
    parted = _BREAK_AFTER.sub(lambda found: found[0] + _BREAK, plain(text))
    parted = _BREAK_BEFORE.sub(lambda found: _BREAK + found[0], parted)
    escaped = _MARKUP.sub(_escape_mark, parted)
    mark = _LINE_MARK.match(escaped)
    return escaped if mark is None else f"{mark[1]}\\{escaped[mark.end(1) :]}"


def escape_label(text: str) -> str:
    """The same for words that a record wrote freely: cut to `LABEL_LENGTH` characters of what is shown."""
    shown = plain(text[: 8 * LABEL_LENGTH])
    return escape(shown if len(shown) <= LABEL_LENGTH else shown[: LABEL_LENGTH - 1].rstrip() + "…")


def _escape_mark(found: re.Match[str]) -> str:
    return _ENTITIES.get(found[0]) or f"\\{found[0]}"
