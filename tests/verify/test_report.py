"""What comes out: exit status, JSON, the page, and the command as a person types it."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from joserfc.jwk import ECKey, OctKey, RSAKey

from cds_service.cli import main
from cds_service.verify.catalogue import CHECKS
from cds_service.verify.report import exit_status, summary, write_html, write_json
from cds_service.verify.results import Ledger, Report
from cds_service.verify.signing import KeyUnusable, read_key

from .faults import FAULTS
from .services import ISSUER, Fault, served

AT = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)
ROOT = Path(__file__).parents[2]


def report_of(ledger: Ledger) -> Report:
    return Report(address="https://cds.example.org", at=AT, requests=3, results=ledger.results())


def command(*words: str) -> Result:
    return CliRunner().invoke(main, ["verify", *words], env={"COLUMNS": "160"})


def fault_named(words: str) -> Fault:
    return next(fault for _, name, fault in FAULTS if name == words)


def test_only_a_must_that_fails_makes_the_status_1() -> None:
    ledger = Ledger()
    ledger.passed("call-answered")
    ledger.failed("service-title", "services[0] lacks title")
    ledger.failed("double-slash", "answered with 404")
    assert exit_status(report_of(ledger)) == 0
    ledger.failed("service-id", "services[0] lacks id")
    assert exit_status(report_of(ledger)) == 1


def test_a_failure_outweighs_what_passed_and_names_three_places() -> None:
    ledger = Ledger()
    ledger.passed("indicator")
    for number in (1, 2, 2, 3, 4, 5):
        ledger.failed("indicator", f"card {number}")
    (result,) = (result for result in ledger.results() if result.check.id == "indicator")
    assert (result.outcome, result.note) == ("fail", "card 1; card 2; card 3; and 2 more")


def test_the_sum_is_one_line() -> None:
    ledger = Ledger()
    ledger.passed("discovery-status")
    ledger.failed("service-title", "services[0] lacks title")
    # one passed and one failed of all that there are
    untried = len(CHECKS) - 2
    assert summary(report_of(ledger)) == (
        f"1 pass, {untried} not tried; fail: 0 MUST, 1 SHOULD, 0 tolerance; 3 requests"
    )


def test_the_json_has_every_check_with_level_lines_section_and_result() -> None:
    ledger = Ledger()
    ledger.failed("summary-length", "cards[0].summary has 140 characters")
    told = json.loads(write_json(report_of(ledger)))
    assert (told["service"], told["at"], told["exitStatus"]) == (
        "https://cds.example.org",
        "2026-11-25T12:00:00+00:00",
        1,
    )
    assert [row["id"] for row in told["results"]] == [check.id for check in CHECKS]
    assert told["results"][[check.id for check in CHECKS].index("summary-length")] == {
        "id": "summary-length",
        "group": "response",
        "level": "MUST",
        "lines": ["CARD-2"],
        "section": "Card Attributes",
        "title": "a summary has fewer than 140 characters",
        "result": "fail",
        "note": "cards[0].summary has 140 characters",
    }


def test_the_page_escapes_what_came_and_loads_nothing() -> None:
    ledger = Ledger()
    ledger.failed("known-members", "cards[0].<img src=x onerror=alert(1)> & more")
    page = write_html(report_of(ledger)).decode()
    assert "cards[0].&lt;img src=x onerror=alert(1)&gt; &amp; more" in page
    assert "<img" not in page
    assert "<script" not in page
    assert "default-src 'none'" in page
    assert page.count("https:") == 2  # the address, in the title and in its line


def test_every_check_is_named_once_and_rests_on_a_line() -> None:
    assert len({check.id for check in CHECKS}) == len(CHECKS)
    assert [check.id for check in CHECKS if not check.lines or not check.section or not check.title] == []


def test_the_lines_of_the_checks_are_lines_of_the_reference(shared: Path) -> None:
    reference = (shared / "CDS-HOOKS.md").read_text(encoding="utf-8")
    lines = {line for check in CHECKS for line in check.lines}
    assert {line for line in lines if f"| {line} |" not in reference and f"- {line} " not in reference} == set()


# The command


def test_a_good_service_ends_with_status_0_and_a_table() -> None:
    with served() as base:
        result = command(base, "--feedback")
    assert result.exit_code == 0
    assert "fail: 0 MUST, 0 SHOULD, 0 tolerance" in result.stdout
    assert "Card Attributes: CARD-2" in result.stdout


def test_a_service_that_fails_a_must_ends_with_status_1_and_names_the_place(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    with served(fault_named("a summary of 140 characters")) as base:
        result = command(base, "--json", "--html", str(page))
    assert result.exit_code == 1
    (row,) = (row for row in json.loads(result.stdout)["results"] if row["result"] == "fail")
    assert row["id"] == "summary-length"
    assert row["note"].startswith("chart, methotrexate-without-folic-acid: cards[0].summary has 140 characters; ")
    assert "cards[0].summary has 140 characters" in page.read_text()


def test_a_service_that_fails_only_a_should_ends_with_status_0() -> None:
    with served(fault_named("discovery without title")) as base:
        result = command(base, "--json")
    assert result.exit_code == 0
    assert [row["id"] for row in json.loads(result.stdout)["results"] if row["result"] == "fail"] == ["service-title"]


def test_a_service_with_tokens_is_looked_at_with_the_key_of_a_client(tmp_path: Path) -> None:
    key = ECKey.generate_key("P-384")
    (tmp_path / "key.pem").write_bytes(key.as_pem(private=True))
    with served(key=key) as base:
        result = command(base, "--key", str(tmp_path / "key.pem"), "--issuer", ISSUER, "--json")
    told = {row["id"]: row["result"] for row in json.loads(result.stdout)["results"] if row["group"] == "tokens"}
    assert set(told.values()) == {"pass"}
    assert result.exit_code == 0


def test_a_service_with_tokens_and_no_key_is_not_looked_at_behind_its_door() -> None:
    with served(key=ECKey.generate_key("P-384")) as base:
        result = command(base, "--json")
    told = {row["id"]: row for row in json.loads(result.stdout)["results"]}
    assert told["discovery-status"]["note"] == "discovery asks for a token (401): give --key"
    assert [row["id"] for row in told.values() if row["result"] == "fail"] == []
    assert result.exit_code == 2


def refused(result: Result, line: str) -> None:
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.strip().splitlines()[-1] == f"Error: {line}"


def test_nobody_there_is_status_2() -> None:
    refused(command("http://127.0.0.1:1"), "http://127.0.0.1:1/cds-services does not answer")


def test_what_is_no_address_is_status_2() -> None:
    refused(command("cds.example.org"), "URL: no http or https address")


def test_an_origin_that_is_none_is_status_2() -> None:
    refused(
        command("http://127.0.0.1:1", "--origin", "https://a/\r\nb"),
        "--origin: not an origin like https://ehr.example.org",
    )


def test_a_key_without_issuer_is_status_2() -> None:
    refused(command("http://127.0.0.1:1", "--key", "k.pem"), "--key needs the --issuer that the service knows")


def test_a_key_that_is_not_there_is_status_2() -> None:
    result = command("http://127.0.0.1:1", "--key", "not-there.pem", "--issuer", ISSUER)
    refused(result, "not-there.pem cannot be read")


@pytest.mark.parametrize("curve", ["P-256", "P-384", "P-521"])
def test_an_ec_key_is_read_from_pem_and_jwk(curve: str) -> None:
    key = ECKey.generate_key(curve)
    jwk = json.dumps(key.as_dict(private=True)).encode()
    assert read_key(key.as_pem(private=True)).thumbprint() == read_key(jwk).thumbprint() == key.thumbprint()


def test_an_rsa_key_is_read_from_pem_and_jwk() -> None:
    key = RSAKey.generate_key(2048)
    jwk = json.dumps(key.as_dict(private=True)).encode()
    assert read_key(key.as_pem(private=True)).thumbprint() == read_key(jwk).thumbprint() == key.thumbprint()


def test_what_is_no_private_key_of_a_pair_is_refused_without_showing_it() -> None:
    public = ECKey.generate_key("P-384").as_pem(private=False)
    symmetric = json.dumps(OctKey.generate_key(256).as_dict(private=True)).encode()
    koblitz = ECKey.generate_key("secp256k1").as_pem(private=True)
    for text in (public, symmetric, koblitz, b"", b"secret", b"{", b'{"kty": 1}', b"[1]"):
        with pytest.raises(KeyUnusable) as error:
            read_key(text)
        assert str(error.value) == "the key is no private EC or RSA key in PEM or JWK"
