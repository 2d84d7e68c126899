"""The report for programs and for people: JSON, and a page that needs nothing beside it; the exit status."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from typing import Literal

import msgspec

from .catalogue import Level
from .results import Outcome, Report, Result


class _Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    id: str
    group: str
    level: Level
    lines: tuple[str, ...]
    section: str
    title: str
    result: Outcome
    note: str = ""


class _Written(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    service: str
    at: str
    requests: int
    exit_status: Literal[0, 1, 2]
    results: tuple[_Row, ...]


def exit_status(report: Report) -> Literal[0, 1, 2]:
    """1 where a MUST fails; else 2 where no call could be looked at, as without the key that is asked for; else 0."""
    if report.failed("MUST"):
        return 1
    called = any(result.check.id == "call-answered" and result.outcome == "pass" for result in report.results)
    return 0 if called else 2


def summary(report: Report) -> str:
    """The report in one line."""
    passed = sum(result.outcome == "pass" for result in report.results)
    untried = sum(result.outcome == "not tried" for result in report.results)
    fails = ", ".join(f"{len(report.failed(level))} {level}" for level in ("MUST", "SHOULD", "tolerance"))
    return f"{passed} pass, {untried} not tried; fail: {fails}; {report.requests} requests"


def write_json(report: Report) -> bytes:
    """The report as JSON."""
    return msgspec.json.format(
        msgspec.json.encode(
            _Written(
                service=report.address,
                at=report.at.isoformat(timespec="seconds"),
                requests=report.requests,
                exit_status=exit_status(report),
                results=tuple(map(_row, report.results)),
            )
        )
    )


def _row(result: Result) -> _Row:
    check = result.check
    return _Row(
        id=check.id,
        group=check.group,
        level=check.level,
        lines=check.lines,
        section=check.section,
        title=check.title,
        result=result.outcome,
        note=result.note,
    )


_STYLE = """body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;color:#1b1b1b}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.4rem .6rem;
border-bottom:1px solid #ddd}th{background:#f3f3f3}td.pass{color:#176117}td.fail{color:#a30000;font-weight:bold}
td.not{color:#5a5a5a}code{font-size:.9em}h2{margin-top:2rem}.note{color:#444}"""


def write_html(report: Report) -> bytes:
    """The report as one HTML page without script, and without anything to be loaded."""
    return "\n".join(_page(report)).encode()


def _page(report: Report) -> Iterator[str]:
    address, at = escape(report.address), escape(report.at.isoformat(timespec="seconds"))
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>CDS Hooks conformance of {address}</title>\n<style>{_STYLE}</style>\n</head>\n<body>"
    yield f"<h1>CDS Hooks conformance</h1>\n<p><code>{address}</code>, {at}</p>\n<p>{escape(summary(report))}</p>"
    groups = dict.fromkeys(result.check.group for result in report.results)
    for group in groups:
        yield f"<h2>{escape(group.capitalize())}</h2>"
        yield from _table(result for result in report.results if result.check.group == group)
    yield "</body>\n</html>\n"


def _table(results: Iterable[Result]) -> Iterator[str]:
    heads = ("check", "level", "what", "specification", "result")
    yield "<table>\n<thead><tr>" + "".join(f'<th scope="col">{head}</th>' for head in heads) + "</tr></thead>\n<tbody>"
    for result in results:
        check = result.check
        note = f'<br><span class="note">{escape(result.note)}</span>' if result.note else ""
        yield (
            f"<tr><td><code>{escape(check.id)}</code></td><td>{escape(check.level)}</td>"
            f"<td>{escape(check.title)}{note}</td>"
            f"<td>{escape(check.section)}<br><small>{escape(', '.join(check.lines))}</small></td>"
            f'<td class="{result.outcome.split()[0]}">{escape(result.outcome)}</td></tr>'
        )
    yield "</tbody>\n</table>"
