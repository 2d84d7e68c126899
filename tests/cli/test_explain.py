"""`cds-service explain` and `closure`, and the address of explanations."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cds_service.app import create_app
from cds_service.cli import main
from cds_service.cli.fixtures import load_fixture
from cds_service.settings import Settings

from ..callers import EHR, PUBLIC, signing, write_clients

TODAY = dt.date(2026, 3, 4)
NAME = "methotrexate-without-folic-acid"


def run(*words: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(main, [*words, "--as-of", TODAY.isoformat()])


@pytest.fixture
def request_file(tmp_path: Path) -> str:
    file = tmp_path / "request.json"
    file.write_bytes(load_fixture(NAME, TODAY).request)
    return str(file)


def test_each_rule_that_was_asked_is_told_and_the_others_are_counted(request_file: str) -> None:
    result = run("explain", request_file)
    assert result.exit_code == 0
    assert "MTX-05 fires\n  warning Methotrexate without folic acid: supplementation needed\n" in result.output
    assert "MTX-03 clear: asked, and nothing to say\n  limits: critical above 30, warning above 25\n" in result.output
    assert "more rules were not asked at order-sign: --all tells them.\n" in result.output


def test_one_rule_may_be_asked_about_whatever_became_of_it(request_file: str) -> None:
    assert run("explain", request_file, "--rule", "tac-04").output == (
        "TAC-04 not concerned: nothing that it speaks of is there\n"
    )


def test_a_rule_that_does_not_exist_is_told_with_the_near_name(request_file: str) -> None:
    result = run("explain", request_file, "--rule", "MTX-5")
    assert (result.exit_code, result.output) == (1, "Error: unknown rule 'MTX-5'; did you mean 'MTX-05'?\n")


def test_a_list_that_lacks_is_told_as_missing(tmp_path: Path) -> None:
    request = json.loads(load_fixture(NAME, TODAY).request)
    del request["prefetch"]["observations"]
    file = tmp_path / "request.json"
    file.write_text(json.dumps(request))
    assert "MTX-07 not checked\n  missing: results\n" in run("explain", str(file), "--rule", "MTX-07").output


def test_as_json_every_rule_is_there(request_file: str) -> None:
    told = json.loads(run("explain", request_file, "--json").output)
    assert told["hook"] == "order-sign"
    assert {each["rule"]: each["outcome"] for each in told["rules"]}["MTX-05"] == "fires"
    assert len(told["rules"]) > 100


@pytest.mark.parametrize("text", ["{}", "no JSON", '{"hook": "appointment-book"}'])
def test_what_is_no_request_is_told_in_one_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "request.json"
    file.write_text(text)
    result = run("explain", str(file))
    assert (result.exit_code, result.output) == (1, "Error: this is no request of a hook that is served here\n")


def test_where_callers_are_verified_there_is_no_such_address(tmp_path: Path) -> None:
    settings = Settings(
        profile="production",
        public_url=PUBLIC,
        clients_file=str(write_clients(tmp_path, ehr={"issuer": EHR})),
        replay_file=str(tmp_path / "used-tokens.db"),
        card_key="a key for the tests",
        log_level="error",
    )
    client = signing(create_app(settings).test_client())
    path = "/cds-services/myositis-order-sign/explain"
    response = client.post(path, data=load_fixture(NAME, TODAY).request, content_type="application/json")
    assert response.status_code == 404
    for method in ("GET", "OPTIONS"):
        assert client.open(path, method=method).status_code == 404


def test_closure_tells_that_every_promise_was_kept(request_file: str) -> None:
    result = run("closure", request_file)
    assert result.exit_code == 0
    assert result.output.splitlines()[-1] == ("1 requests, 0 of them with a suggestion that does not keep its promise.")


def test_closure_asks_for_a_request_with_a_hook(tmp_path: Path) -> None:
    file = tmp_path / "request.json"
    file.write_text("{}")
    result = run("closure", str(file))
    assert result.exit_code == 1
    assert result.output.splitlines()[-1] == f"Error: {file}: this is no request of a hook with its prefetch"
