"""Escaping, proved with Markdown renderers that let raw HTML and bare addresses through."""

from __future__ import annotations

import importlib.util
import re
from html import unescape

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from cds_service.hooks.markdown import LABEL_LENGTH, escape, escape_label, plain

LINKS = importlib.util.find_spec("linkify_it") is not None
COMMON = MarkdownIt("commonmark", {"html": True})
GFM = MarkdownIt("gfm-like", {"html": True, "linkify": LINKS})
ATTACKS = [
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "</p><h1>x",
    "&lt;img src=x&gt;",
    "[x](javascript:alert(1))",
    "![x](https://evil.example/x.png)",
    "[x]: https://evil.example",
    "<https://evil.example>",
    "https://evil.example/x",
    "HTTP://EVIL.EXAMPLE",
    "ftp://evil.example",
    "www.evil.example",
    "WWW.evil.com",
    "//evil.com/x",
    "evil.com",
    "see evil.com/x?y=1 now",
    "someone@evil.com",
    "mailto:someone@evil.com",
    "# heading",
    "x\n## heading",
    "x\r\n\r\n- item",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "`code`",
    "```\ncode",
    "~~~\ncode",
    "~~gone~~",
    "**bold** _em_ __strong__ *em*",
    "---",
    "***",
    "===",
    "1. item",
    "12) item",
    "+ item",
    "- item",
    "> quote",
    "    code",
    "\tcode",
    "hard break  \nx",
    "back\\\nslash",
    "\\[x](y)",
    "[^1]: note",
    "- [ ] task",
    "a\u202eb\u2066c",
    "a\x00b\x1b[31m",
    "a\u2028b\u2029c\x85d",
]


def _text_and_tags(html: str) -> tuple[str, set[str]]:
    tags = set(re.findall(r"</?([A-Za-z][A-Za-z0-9]*)", html))
    return unescape(re.sub(r"<[^>]*>", "", html)).strip("\n"), tags


def _shown(renderer: MarkdownIt, markdown: str) -> tuple[str, set[str]]:
    text, tags = _text_and_tags(renderer.render(markdown))
    return text.replace("\N{ZERO WIDTH SPACE}", ""), tags


_markdown = st.text(alphabet=st.sampled_from("abcom1 <>[]()!#*_`~|\\&;:/.-+=@\n\t\"'www"), max_size=30)


@pytest.mark.parametrize("renderer", [COMMON, GFM], ids=["commonmark", "gfm"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_renders_as_the_words_it_is_made_of(renderer: MarkdownIt, attack: str) -> None:
    assert _shown(renderer, escape(attack)) == (plain(attack), {"p"})
    shown, tags = _shown(renderer, f"Found:\n\n- {escape(attack)} (2026-01-01)\n- next")
    assert [line for line in shown.splitlines() if line] == ["Found:", f"{plain(attack)} (2026-01-01)", "next"]
    assert tags == {"p", "ul", "li"}


def test_the_renderer_would_link_an_address_that_is_not_escaped() -> None:
    if not LINKS:
        pytest.skip("skipped, because linkify-it-py is not installed: bare addresses were not tried")
    for address in ("https://evil.example", "www.evil.com", "evil.com", "someone@evil.com"):
        assert "a" in _shown(GFM, address)[1]


@given(_markdown)
@example("a.b.com")
def test_any_text_renders_as_itself_and_nothing_else(text: str) -> None:
    if plain(text):
        for renderer in (COMMON, GFM):
            assert _shown(renderer, escape(text)) == (plain(text), {"p"})


@given(st.text(max_size=200))
def test_a_label_is_one_short_printable_line(text: str) -> None:
    shown, tags = _shown(COMMON, escape_label(text))
    assert len(shown) <= LABEL_LENGTH
    assert tags <= {"p"}
    assert shown.isprintable()


def test_a_label_of_just_the_length_is_whole_and_one_longer_ends_in_an_ellipsis() -> None:
    assert escape_label("x" * 80) == "x" * 80
    assert escape_label("x" * 81) == "x" * 79 + "…"


def test_a_label_of_a_megabyte_is_cut_like_any_other() -> None:
    assert escape_label("x" * 1_000_000) == "x" * 79 + "…"


def test_ordinary_drug_names_stay_as_they_are() -> None:
    assert escape("2 tablets p.o., e.g. at 8.30") == "2 tablets p.o., e.g. at 8.30"
    for name in ("methotrexate 2.5 MG Oral Tablet", "azathioprine (50 mg), film-coated", "IVIg 0.4 g/kg/day, 5 days"):
        assert escape(name) == name


def test_a_comparison_is_shown_as_one() -> None:
    assert escape("eGFR 25 < 30 & falling") == "eGFR 25 &lt; 30 &amp; falling"
