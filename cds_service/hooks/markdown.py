"""Plain text made safe inside GitHub Flavored Markdown, also where a client lets raw HTML through."""

from __future__ import annotations

import re

LABEL_LENGTH = 80
"""So many characters of a record's own words are shown; what is cut ends in an ellipsis."""

_BREAK = "\N{ZERO WIDTH SPACE}"
_ESCAPES = str.maketrans(
    {
        **{char: f"\\{char}" for char in "\\`*_[]|~"},
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
    }
)
_LINE_MARK = re.compile(r"^(\d*)([-+=#]|(?<=\d)[.)])")
_ADDRESS = re.compile(r"(?<=/)(?=/)|(?<=@)|(?<=www)(?=\.)|(?<=mailto)(?=:)|(?<=\w\.)(?=[^\W\d_]{2})", re.IGNORECASE)


def plain(text: str) -> str:
    """One line of printable text: breaks, control, formatting and bidirectional characters become single spaces."""
    if not text.isprintable():
        text = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(text.split())


def escape(text: str) -> str:
    """One line that Markdown shows as it is: no markup, no tag and no link out of anything in it.

    Web and mail addresses are parted by zero-width spaces, since renderers link even escaped and bare ones.
    """
    parted = _ADDRESS.sub(_BREAK, plain(text))
    return _LINE_MARK.sub(r"\1\\\2", parted.translate(_ESCAPES))


def escape_label(text: str) -> str:
    """The same for words that a record wrote freely: cut to `LABEL_LENGTH` characters of what is shown."""
    shown = plain(text[: 8 * LABEL_LENGTH])
    return escape(shown if len(shown) <= LABEL_LENGTH else shown[: LABEL_LENGTH - 1].rstrip() + "…")
