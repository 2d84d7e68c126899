"""The report on feedback as one page of HTML that needs nothing else: its plots are SVG, every text in it is escaped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from .feedback import UNKNOWN, Day, Line, Report
from .show_feedback import NOTES, count, period

ENDINGS = (("accepted", "#1b7f5c"), ("overridden", "#c2571a"), ("ignored", "#b9c0c9"))
_WIDTH = 860
_LABEL = 150
_ROW = 24
_TALL = 160
_MAX_DAYS = 400

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c232b; margin: 2rem auto; max-width: 920px; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100% } th, td { padding: .3rem .6rem; border-bottom: 1px solid #dde2e8 }
th { text-align: left } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
svg { width: 100%; height: auto } svg text { font: 12px system-ui, sans-serif; fill: currentColor }
.key span { display: inline-block; width: .8rem; height: .8rem; margin: 0 .3rem 0 1rem; vertical-align: -1px }
.note { color: #5c6773; font-size: .9rem }
@media (prefers-color-scheme: dark) { body { background: #14181d; color: #e4e8ec } th, td { border-color: #333c46 } }
"""


def write_page(report: Report) -> str:
    """The page: a plot and a table by rule, a plot by day."""
    return "\n".join(_page(report)) + "\n"


def _page(report: Report) -> Iterator[str]:
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8"><title>Feedback on cards</title>'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">"""
    yield f"<style>{_STYLE}</style></head><body>"
    yield f"<h1>Feedback on cards</h1><p>{escape(period(report))}.</p>"
    if report.lines:
        yield "<h2>What became of the cards of each rule</h2>"
        yield _key()
        yield _bars([line for line in report.lines if line.rule != UNKNOWN])
        yield from _table(report)
    else:
        yield "<p>Nothing was shown or reported.</p>"
    if report.days:
        yield "<h2>By the day on which cards were shown</h2>"
        yield _columns(report.days[-_MAX_DAYS:])
    yield from (f'<p class="note">{escape(note)}</p>' for note in NOTES)
    yield "</body></html>"


def _key() -> str:
    swatches = "".join(f'<span style="background:{colour}"></span>{name}' for name, colour in ENDINGS)
    return f'<p class="key">{swatches}</p>'


def _bars(lines: Sequence[Line]) -> str:
    """One bar for each line, as long as its cards are many."""
    most = max((sum(_parts(line)) for line in lines), default=0) or 1
    scale = (_WIDTH - _LABEL - 60) / most
    drawn: list[str] = []
    for number, line in enumerate(lines):
        label = " ".join((line.rule, *line.by))
        top, x = number * _ROW, float(_LABEL)
        drawn.append(f'<text x="{_LABEL - 8}" y="{top + 16}" text-anchor="end">{escape(label)}</text>')
        for (name, colour), cards in zip(ENDINGS, _parts(line), strict=True):
            if cards:
                title = f"<title>{escape(label)}: {cards} {name}</title>"
                drawn.append(_box(x, top + 4, cards * scale, _ROW - 8, colour, title))
                x += cards * scale
        drawn.append(f'<text x="{x + 6:.1f}" y="{top + 16}">{sum(_parts(line))}</text>')
    return _svg(_WIDTH, max(_ROW, len(lines) * _ROW), "Cards by rule and outcome", drawn)


def _columns(days: Sequence[Day]) -> str:
    """One column for each day on which there were cards."""
    most = max(max(day.shown, day.accepted + day.overridden) for day in days) or 1
    step = min(40.0, (_WIDTH - 60) / len(days))
    drawn = [f'<text x="44" y="16" text-anchor="end">{most}</text>']
    for number, day in enumerate(days):
        ignored = max(0, day.shown - day.accepted - day.overridden)
        bottom = float(_TALL)
        for (name, colour), cards in zip(ENDINGS, (day.accepted, day.overridden, ignored), strict=True):
            if cards:
                height = cards * (_TALL - 10) / most
                bottom -= height
                title = f"<title>{day.day}: {cards} {name}</title>"
                drawn.append(_box(50 + number * step, bottom, max(1.0, step - 2), height, colour, title))
    drawn.append(f'<text x="50" y="{_TALL + 16}">{days[0].day}</text>')
    if len(days) > 1:
        end = max(220.0, 50 + len(days) * step)
        drawn.append(f'<text x="{end:.1f}" y="{_TALL + 16}" text-anchor="end">{days[-1].day}</text>')
    return _svg(_WIDTH, _TALL + 22, "Cards by day and outcome", drawn)


def _parts(line: Line) -> tuple[int, int, int]:
    return line.accepted, line.overridden, line.ignored or 0


def _box(x: float, y: float, width: float, height: float, colour: str, inside: str) -> str:
    size = f'width="{width:.1f}" height="{height:.1f}"'
    return f'<rect x="{x:.1f}" y="{y:.1f}" {size} fill="{colour}">{inside}</rect>'


def _svg(width: int, height: int, title: str, drawn: Sequence[str]) -> str:
    head = f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">'
    return "\n".join([head, *drawn, "</svg>"])


def _table(report: Report) -> Iterator[str]:
    numbers = ("shown", "accepted", "overridden", "ignored")
    yield "<table><thead><tr>" + "".join(f"<th>{escape(name)}</th>" for name in ("rule", *report.by))
    yield "".join(f'<th class="n">{name}</th>' for name in numbers) + "<th>overridden because</th></tr></thead><tbody>"
    for line in report.lines:
        counts = (line.shown, line.accepted, line.overridden, line.ignored)
        reasons = "<br>".join(f"{escape(reason.label)}: {reason.cards}" for reason in line.reasons)
        yield "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in (line.rule, *line.by))
        yield "".join(f'<td class="n">{count(number)}</td>' for number in counts) + f"<td>{reasons}</td></tr>"
    yield "</tbody></table>"
