"""`cds-service feedback report`: what became of cards, for people and for programs."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from cds_service.access.store import Reason, Reported, Shown, Store
from cds_service.cli import main
from cds_service.cli.feedback import Names, make_report
from cds_service.knowledge.loader import Knowledge

DAY = dt.date(2026, 3, 4)
NEXT = DAY + dt.timedelta(days=1)
AT = dt.datetime(2026, 3, 4, 9, 30, tzinfo=dt.UTC)
OURS = "https://cds-service.org/CodeSystem/override-reason"
SERVICE = "myositis-order-sign"
EVIL = '=HYPERLINK("x")<script>alert(1)</script>[red]'


def called(*words: str, environ: dict[str, str] | None = None) -> Result:
    return CliRunner(env={"COLUMNS": "160", **(environ or {})}).invoke(main, ["feedback", "report", *words])


@pytest.fixture
def number(knowledge: Knowledge) -> int:
    """The number of MTX-05."""
    return next(entry.rule.row.number for entry in knowledge.entries if entry.id == "MTX-05")


@pytest.fixture
def address(tmp_path: Path, number: int) -> str:
    """A store in which, of MTX-05, on two days:

    10 cards were shown, 2 accepted, 3 overridden: for an outdated record, for words of the client, for nothing;
    beside it one card of a rule that nobody knows any more, and one unknown card.
    """
    address = f"sqlite:///{tmp_path / 'feedback.db'}"
    store = Store(address)
    store.prepare()
    shown = Shown(day=DAY, rule=number, severity="warning", hook="order-sign", service=SERVICE, knowledge="0123abcd")
    store.add_shown({shown: 6, replace(shown, day=NEXT, severity="critical"): 4, replace(shown, rule=4000): 1})
    card = Reported(
        service=SERVICE,
        card="c1",
        rule=number,
        severity="warning",
        hook="order-sign",
        knowledge="0123abcd",
        day=DAY,
        outcome="accepted",
        at=AT,
    )
    no = replace(card, outcome="overridden")
    store.keep(
        [
            card,
            replace(card, card="c2", day=NEXT, severity="critical"),
            replace(no, card="c3", reasons=(Reason(system=OURS, code="record-out-of-date"),)),
            replace(no, card="c4", reasons=(Reason(system="urn:oid:1.2.3", code="7", display=EVIL),)),
            replace(no, card="c5"),
            replace(no, card="c6", rule=4000),
            replace(no, card="123456", rule=None, severity=None, hook=None, knowledge=None, day=NEXT),
        ],
        now=AT,
    )
    return address


def lines_of(result: Result) -> dict[str, dict[str, str]]:
    """The lines of a CSV by their rules."""
    assert result.exit_code == 0, result.output
    return {line["rule"]: line for line in csv.DictReader(io.StringIO(result.output))}


def test_the_table_says_what_became_of_the_cards_of_each_rule(address: str) -> None:
    result = called("--database", address)
    assert result.exit_code == 0
    told = [line.split() for line in result.output.splitlines()]
    assert ["MTX-05", "10", "2", "3", "5"] in [words[:5] for words in told]
    assert ["number", "4000", "1", "0", "1", "0"] in [words[:6] for words in told]
    assert ["unknown", "-", "0", "1", "-"] in [words[:5] for words in told]
    assert "The record is out of date: 1" in result.output
    assert "no reason given: 1" in result.output
    assert EVIL in result.output


def test_the_csv_holds_the_same_numbers(address: str) -> None:
    lines = lines_of(called("--database", address, "--csv"))
    assert list(lines) == ["MTX-05", "number 4000", "unknown"]
    assert list(lines["MTX-05"].values())[:5] == ["MTX-05", "10", "2", "3", "5"]
    assert (lines["unknown"]["shown"], lines["unknown"]["ignored"]) == ("", "")


def test_a_spreadsheet_takes_no_text_of_a_client_for_a_formula(address: str) -> None:
    reasons = lines_of(called("--database", address, "--csv"))["MTX-05"]["reasons"]
    assert reasons == f"'{EVIL}: 1; The record is out of date: 1; no reason given: 1"


def test_the_json_holds_reasons_with_their_codes(address: str) -> None:
    report = json.loads(called("--database", address, "--json").output)
    (line,) = (line for line in report["lines"] if line["rule"] == "MTX-05")
    assert {key: line[key] for key in ("shown", "accepted", "overridden", "ignored")} == {
        "shown": 10,
        "accepted": 2,
        "overridden": 3,
        "ignored": 5,
    }
    assert {"system": OURS, "code": "record-out-of-date", "display": "The record is out of date", "cards": 1} in line[
        "reasons"
    ]
    assert report["days"] == [
        {"day": "2026-03-04", "shown": 7, "accepted": 1, "overridden": 4},
        {"day": "2026-03-05", "shown": 4, "accepted": 1, "overridden": 0},
    ]
    assert "shown" not in report["lines"][-1]


def test_a_report_may_be_of_some_days_alone(address: str) -> None:
    lines = lines_of(called("--database", address, "--csv", "--since", "2026-03-05", "--until", "2026-03-05"))
    assert list(lines["MTX-05"].values())[:5] == ["MTX-05", "4", "1", "0", "3"]
    assert (
        "Cards shown from 2026-03-05 to 2026-03-06"
        in called("--database", address, "--since", "2026-03-05", "--until", "2026-03-06").output
    )


def test_cards_may_be_told_apart_by_more_than_their_rule(address: str) -> None:
    result = called("--database", address, "--csv", "--by", "severity", "--by", "day")
    lines = [row[:7] for row in csv.reader(io.StringIO(result.output)) if row[0] == "MTX-05"]
    assert lines == [
        ["MTX-05", "critical", "2026-03-05", "4", "1", "0", "3"],
        ["MTX-05", "warning", "2026-03-04", "6", "1", "3", "2"],
    ]


def test_the_version_of_the_knowledge_tells_cards_apart_too(address: str) -> None:
    result = called("--database", address, "--csv", "--by", "version", "--by", "hook", "--by", "service")
    (line,) = (row[:5] for row in csv.reader(io.StringIO(result.output)) if row[0] == "MTX-05")
    assert line == ["MTX-05", "0123abcd", "order-sign", SERVICE, "10"]


class Page(HTMLParser):
    """What a browser would make of a page: its elements, and the text in them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.addresses: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes the element and whatever could make a browser ask somebody."""
        self.names.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action", "srcset", "data")]

    def handle_data(self, data: str) -> None:
        """Notes the text."""
        self.text += data


def test_the_page_needs_nothing_else_and_escapes_what_clients_wrote(address: str) -> None:
    result = called("--database", address, "--html")
    page = Page(result.output)
    assert page.addresses == []
    assert {"script", "link", "img", "iframe"} & set(page.names) == set()
    assert "url(" not in result.output and "@import" not in result.output
    assert page.names.count("svg") == 2
    assert EVIL in page.text
    assert "MTX-05: 3 overridden" in page.text
    assert "2026-03-05: 1 accepted" in page.text


def test_an_empty_store_makes_an_empty_report(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'empty.db'}"
    Store(address).prepare()
    assert called("--database", address).output == "All cards: nothing was shown or reported.\n"
    assert called("--database", address, "--csv").output == "rule,shown,accepted,overridden,ignored,reasons\n"
    assert Page(called("--database", address, "--html").output).names.count("svg") == 0
    assert json.loads(called("--database", address, "--json").output) == {"lines": [], "days": []}


def test_a_store_that_is_not_there_is_one_line_and_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "none.db"
    result = called("--database", f"sqlite:///{path}")
    assert result.exit_code == 1
    assert result.output == f"Error: the feedback store sqlite:///{path} is not there\n"
    assert not path.exists()


def test_what_is_no_store_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    path.write_text("This is no database. " * 300)
    assert called("--database", f"sqlite:///{path}").output.endswith("is corrupt\n")
    result = called("--database", "mysql://secret@host/db")
    assert (result.exit_code, "secret" in result.output) == (1, False)


def test_the_store_of_the_settings_is_read_by_default(address: str) -> None:
    assert "MTX-05" in called("--csv", environ={"CDS_DATABASE_URL": address}).output


def test_what_was_ignored_is_never_below_none(address: str, number: int) -> None:
    store = Store(address)
    late = Reported(service=SERVICE, card="c9", rule=77, day=DAY, outcome="accepted", at=AT)
    store.keep([late], now=AT)
    (line,) = (line for line in make_report(store, Names({77: "X-01"}, {})).lines if line.rule == "X-01")
    assert (line.shown, line.accepted, line.ignored) == (0, 1, 0)
