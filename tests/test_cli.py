"""The commands, as a person types them."""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
import responses
from click.testing import CliRunner, Result
from rich.console import Console

from cds_service.cli import main
from cds_service.cli.ehr import ShownCard
from cds_service.cli.faults import CallFailed
from cds_service.cli.fixtures import fixture_names, load_fixture
from cds_service.cli.seed import FhirServer
from cds_service.cli.show import show_cards
from cds_service.cli.start import address, call_to_try

ROOT = Path(__file__).parent.parent
FHIR = "https://fhir.example.org/r4"
TODAY = dt.date.today()

METHOTREXATE = "Methotrexate without folic acid: supplementation needed"
ALLOPURINOL = "Azathioprine + allopurinol: xanthine-oxidase inhibition causes severe myelosuppression; avoid"
IVIG = "IVIg 3 days after rituximab: combination is allowed, but give IVIg first or >= 7 days later"


def without_settings() -> dict[str, str]:
    """The environment as it is where nothing was configured."""
    return {name: value for name, value in os.environ.items() if not name.startswith("CDS_")}


def run(*words: str, **env: str) -> Result:
    unset = dict.fromkeys((name for name in os.environ if name.startswith("CDS_")), None)
    return CliRunner().invoke(main, words, env={**unset, "COLUMNS": "160", **env})


def refused(result: Result, line: str, code: int = 1) -> None:
    """Asserts that a command ended with one line and no traceback."""
    assert result.stderr == f"Error: {line}\n"
    assert result.exit_code == code
    assert result.stdout == ""


# Starting light


def test_the_command_line_loads_nothing_of_the_service_before_a_command_needs_it() -> None:
    # prometheus-client decides at its import whether workers share their numbers: `serve` must come first
    ask = "import sys, cds_service.cli; print(sorted({'prometheus_client', 'flask', 'requests'} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", ask], cwd=ROOT, text=True) == "[]\n"


# demo


def test_demo_shows_the_three_cards_and_what_a_click_would_do() -> None:
    result = run("demo")
    assert result.exit_code == 0, result.stderr
    shown = " ".join(result.stdout.replace("│", " ").split())
    places = [shown.index(summary) for summary in (METHOTREXATE, ALLOPURINOL, IVIG)]
    assert places == sorted(places)
    assert len(re.findall(r"╭", result.stdout)) == 3
    for click in ("Add folic acid 5 mg once weekly (Tue)", "Cancel this order of azathioprine", "Move IVIg to "):
        assert f"[ {click}" in shown


def test_demo_plays_whatever_is_configured() -> None:
    assert run("demo", CDS_PROFILE="production").exit_code == 0


def test_a_card_has_the_colour_of_its_indicator() -> None:
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, color_system="standard", width=80)
    show_cards(console, [ShownCard(summary="Stop", indicator="critical")])
    assert "\x1b[1;37;41m CRITICAL \x1b[0m" in shown.getvalue()  # bold white on red


def test_a_card_cannot_steer_the_terminal() -> None:
    shown = io.StringIO()
    card = ShownCard(summary="a\x1b[2Jb[red]c", indicator="info", detail="d\x07\x1b]0;title\x07e")
    show_cards(Console(file=shown, force_terminal=False, width=80), [card])
    assert "\x1b" not in shown.getvalue()
    assert "\x07" not in shown.getvalue()
    assert "a[2Jb[red]c" in shown.getvalue()


def test_no_card_is_said() -> None:
    shown = io.StringIO()
    show_cards(Console(file=shown), [])
    assert shown.getvalue() == "No card: checked, nothing to say.\n"


# seed


@pytest.fixture
def mocked() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def bodies(mock: responses.RequestsMock) -> list[bytes]:
    return [call.request.body or b"" for call in mock.calls]  # type: ignore[misc]


def test_seed_puts_every_patient_in_one_transaction(mocked: responses.RequestsMock) -> None:
    mocked.post(FHIR, json={"resourceType": "Bundle", "type": "transaction-response"})
    result = run("seed", "--fhir", f"{FHIR}/")
    assert result.exit_code == 0, result.stderr
    assert f"{len(fixture_names())} synthetic patients are on {FHIR}" in result.stdout
    assert bodies(mocked) == [load_fixture(name, TODAY).transaction() for name in fixture_names()]
    assert {call.request.headers["Content-Type"] for call in mocked.calls} == {"application/fhir+json"}


def test_seed_sends_the_same_a_second_time(mocked: responses.RequestsMock) -> None:
    mocked.post(FHIR, json={})
    words = ("seed", "--fhir", FHIR, "--only", "cellcept-and-myfortic", "--as-of", "2027-03-01")
    assert (run(*words).exit_code, run(*words).exit_code) == (0, 0)
    first, second = bodies(mocked)
    assert first == second
    assert {entry["request"]["method"] for entry in json.loads(first)["entry"]} == {"PUT"}


def test_seed_tries_a_conflict_again(mocked: responses.RequestsMock) -> None:
    waits: list[float] = []
    mocked.post(FHIR, status=409)
    mocked.post(FHIR, status=409)
    mocked.post(FHIR, status=200)
    FhirServer(FHIR, sleep=waits.append).store(load_fixture("cellcept-and-myfortic", TODAY))
    assert waits == [0.5, 1.0]


def test_seed_gives_up_a_conflict_after_five_attempts(mocked: responses.RequestsMock) -> None:
    waits: list[float] = []
    mocked.post(FHIR, status=409)
    with pytest.raises(CallFailed) as caught:
        FhirServer(FHIR, sleep=waits.append).store(load_fixture("cellcept-and-myfortic", TODAY))
    assert str(caught.value) == f"{FHIR} refused cellcept-and-myfortic: HTTP 409"
    assert (len(mocked.calls), waits) == (5, [0.5, 1.0, 1.5, 2.0])


def test_seed_says_in_one_line_why_a_server_refuses(mocked: responses.RequestsMock) -> None:
    issue = {"severity": "error", "code": "processing", "diagnostics": "HAPI-0446:\n no", "expression": ["Bundle.x"]}
    mocked.post(FHIR, status=422, json={"resourceType": "OperationOutcome", "issue": [issue]})
    result = run("seed", "--fhir", FHIR, "--only", "cellcept-and-myfortic")
    assert result.exit_code == 1
    assert result.stderr == f"Error: {FHIR} refused cellcept-and-myfortic: HTTP 422: HAPI-0446: no (Bundle.x)\n"


def test_seed_follows_no_redirect(mocked: responses.RequestsMock) -> None:
    mocked.post(FHIR, status=307, headers={"Location": "https://elsewhere.example.org/"})
    result = run("seed", "--fhir", FHIR, "--only", "cellcept-and-myfortic")
    assert result.stderr == f"Error: {FHIR} refused cellcept-and-myfortic: HTTP 307\n"


def test_seed_names_a_server_that_cannot_be_reached(mocked: responses.RequestsMock) -> None:
    mocked.post(FHIR, body=requests.ConnectionError("secret"))
    result = run("seed", "--fhir", FHIR)
    assert (result.exit_code, result.stderr) == (1, f"Error: {FHIR} cannot be reached (ConnectionError)\n")


@pytest.mark.parametrize("address", ["ftp://fhir.example.org", "fhir.example.org/r4", "http://[", "http://"])
def test_seed_takes_no_other_address(address: str) -> None:
    refused(run("seed", "--fhir", address), f"{address} is no http or https address")


def test_seed_knows_its_patients() -> None:
    line = "no synthetic patient is called celcept-and-myfortic; is it cellcept-and-myfortic?"
    refused(run("seed", "--fhir", FHIR, "--only", "celcept-and-myfortic"), line)


@pytest.fixture
def hapi() -> str:
    base = os.environ.get("CDS_TEST_HAPI", "")
    if not base:
        reason = "because no HAPI FHIR server was given (CDS_TEST_HAPI)"
        if os.environ.get("CDS_REQUIRE_REAL_PARTS"):
            pytest.fail(f"failed, {reason}")
        pytest.skip(f"skipped, {reason}")
    return base


def versions(base: str) -> dict[str, str]:
    """The version of every resource of every synthetic patient."""
    return {
        entry["request"]["url"]: requests.get(f"{base}/{entry['request']['url']}", timeout=30).json()["meta"][
            "versionId"
        ]
        for name in fixture_names()
        for entry in json.loads(load_fixture(name, TODAY).transaction())["entry"]
    }


def test_seed_changes_nothing_on_a_real_server_the_second_time(hapi: str) -> None:
    assert run("seed", "--fhir", hapi).exit_code == 0
    before = versions(hapi)
    assert run("seed", "--fhir", hapi).exit_code == 0
    assert versions(hapi) == before


@pytest.mark.parametrize(
    "name", ["methotrexate-as-medication-reference", "tacrolimus-with-ciclosporin", "folic-acid-over-the-counter"]
)
def test_call_lets_the_service_read_a_patient_from_a_real_server(hapi: str, name: str) -> None:
    assert run("seed", "--fhir", hapi, "--only", name).exit_code == 0
    result = run("call", "--fixture", name, "--fhir", hapi, "--json")
    expected = json.loads(load_fixture(name, TODAY).expected)["cards"]
    assert [card["summary"] for card in json.loads(result.stdout)["cards"]] == [card["summary"] for card in expected]


def test_call_plays_words_against_a_real_server(hapi: str) -> None:
    assert run("seed", "--fhir", hapi, "--only", "methotrexate-without-folic-acid").exit_code == 0
    words = ("call", "--hook", "order-sign", "--patient", "wilma-weeklydose", "--fhir", hapi)
    alone = run(*words, "--draft", "methotrexate 15 mg weekly on monday")
    assert METHOTREXATE in alone.stdout
    both = run(*words, "--draft", "methotrexate 15 mg weekly on monday", "--draft", "folic acid 5 mg weekly on tuesday")
    assert both.stdout == "No card: checked, nothing to say.\n"


# call


def test_call_plays_a_synthetic_patient_in_this_process() -> None:
    result = run("call", "--fixture", "azathioprine-with-allopurinol")
    assert ALLOPURINOL in result.stdout
    assert "[ Cancel this order of azathioprine ]" in result.stdout
    assert (result.exit_code, result.stderr) == (0, "")


def test_call_prints_the_response_as_it_came() -> None:
    result = run("call", "--fixture", "folic-acid-over-the-counter", "--json")
    assert result.stdout == '{"cards":[]}\n'


def test_call_prints_a_request_with_its_dates_moved_and_calls_nobody() -> None:
    result = run("call", "--fixture", "ivig-three-days-after-rituximab", "--as-of", "2031-05-14", "--print-request")
    printed = json.loads(result.stdout)
    # 2031-05-14 is a Wednesday; the patient was written for a Monday
    assert printed["context"]["draftOrders"]["entry"][0]["resource"]["authoredOn"] == "2031-05-12"
    assert "patient" in printed["prefetch"]


def test_call_writes_the_request_of_an_ehr_from_words() -> None:
    result = run(
        "call", "--hook", "order-select", "--patient", "p1", "--encounter", "e1", "--fhir", f"{FHIR}/",
        "--draft", "methotrexate 15 mg weekly on monday", "--draft", "plasmapheresis", "--print-request",
    )  # fmt: skip
    printed = json.loads(result.stdout)
    drafts = [entry["resource"] for entry in printed["context"].pop("draftOrders")["entry"]]
    assert re.fullmatch(r"[0-9a-f-]{36}", printed.pop("hookInstance"))
    assert printed == {
        "hook": "order-select",
        "fhirServer": FHIR,
        "context": {
            "userId": "Practitioner/command-line",
            "patientId": "p1",
            "encounterId": "e1",
            "selections": ["MedicationRequest/draft-1", "ServiceRequest/draft-2"],
        },
    }
    assert [(draft["resourceType"], draft["id"], draft["encounter"]["reference"]) for draft in drafts] == [
        ("MedicationRequest", "draft-1", "Encounter/e1"),
        ("ServiceRequest", "draft-2", "Encounter/e1"),
    ]


def test_patient_view_has_no_drafts() -> None:
    result = run("call", "--hook", "patient-view", "--patient", "p1", "--fhir", FHIR, "--print-request")
    assert json.loads(result.stdout)["context"] == {"userId": "Practitioner/command-line", "patientId": "p1"}


def test_a_medication_that_nobody_knows_is_sent_and_named() -> None:
    result = run(
        "call", "--hook", "order-sign", "--patient", "p1", "--fhir", FHIR, "--print-request", "--draft", "mthtrxt 15 mg"
    )
    assert result.stderr == "Note: the service knows no 'mthtrxt'; it is sent in words.\n"
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ((), "give --hook, --patient and --fhir, or --fixture"),
        (("--hook", "order-sign", "--patient", "p1"), "give --hook, --patient and --fhir, or --fixture"),
        (("--fixture", "x", "--hook", "order-sign"), "--fixture brings its own hook, patient and drafts"),
        (
            ("--hook", "order-sign", "--patient", "p1", "--fhir", FHIR),
            "give --draft at order-select and order-sign, and none at patient-view",
        ),
        (
            ("--hook", "patient-view", "--patient", "p1", "--fhir", FHIR, "--draft", "x"),
            "give --draft at order-select and order-sign, and none at patient-view",
        ),
        (("--fixture", "x", "--as-of", "soon"), "Invalid value for '--as-of': soon is no date like 2026-11-30"),
    ],
)
def test_call_says_what_is_missing(words: tuple[str, ...], line: str) -> None:
    result = run("call", *words)
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (2, f"Error: {line}")


def test_call_names_the_words_that_it_does_not_understand() -> None:
    order = ("--hook", "order-sign", "--patient", "p1", "--fhir", FHIR, "--draft", "methotrexate 15 mg sometimes")
    refused(run("call", *order), "'sometimes' in 'methotrexate 15 mg sometimes' is not understood")


def test_call_says_why_the_service_refused() -> None:
    # port 9 answers nobody: the record cannot be read
    result = run("call", "--hook", "patient-view", "--patient", "p1", "--fhir", "http://127.0.0.1:9/fhir")
    assert result.stderr.startswith("Error: HTTP 412: Required data could not be had: ")
    assert result.stderr.count("\n") == 1
    assert result.exit_code == 1


SERVICE = "https://cds.example.org"


def test_call_finds_the_service_of_a_hook_by_discovery(mocked: responses.RequestsMock) -> None:
    offered = [{"id": "first", "hook": "order-sign"}, {"id": "second", "hook": "patient-view"}]
    mocked.get(f"{SERVICE}/cds-services", json={"services": offered})
    card = {"summary": "Somebody else's card", "indicator": "info", "source": {"label": "them"}}
    mocked.post(f"{SERVICE}/cds-services/second", json={"cards": [card]})
    result = run("call", "--fixture", "methotrexate-as-medication-reference", "--service", f"{SERVICE}/cds-services/")
    assert "Somebody else's card" in result.stdout
    assert mocked.calls[1].request.body == load_fixture("methotrexate-as-medication-reference", TODAY).request


@pytest.mark.parametrize(
    ("discovery", "line"),
    [
        ({"status": 404}, "discovery failed: HTTP 404"),
        ({"body": "<html>"}, "discovery failed: what came back is no list of services"),
        ({"json": {"services": []}}, "the service offers nothing for order-sign"),
        ({"body": requests.Timeout()}, f"{SERVICE} cannot be reached (Timeout)"),
    ],
)
def test_call_says_why_a_service_cannot_be_called(
    mocked: responses.RequestsMock, discovery: dict[str, object], line: str
) -> None:
    mocked.add(responses.GET, f"{SERVICE}/cds-services", **discovery)  # type: ignore[arg-type]
    refused(run("call", "--fixture", "azathioprine-with-allopurinol", "--service", SERVICE), line)


def test_call_says_when_an_answer_has_no_cards(mocked: responses.RequestsMock) -> None:
    mocked.get(f"{SERVICE}/cds-services", json={"services": [{"id": "x", "hook": "order-sign"}]})
    mocked.post(f"{SERVICE}/cds-services/x", json={"cards": "none"})
    result = run("call", "--fixture", "azathioprine-with-allopurinol", "--service", SERVICE)
    refused(result, "what came back are no cards")


# serve


@pytest.mark.parametrize(
    ("host", "typed"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::", "http://[::1]:8000"),
        ("localhost", "http://localhost:8000"),
    ],
)
def test_the_address_to_type(host: str, typed: str) -> None:
    assert address(host, 8000) == typed


def test_the_call_to_try_takes_the_day_of_the_service() -> None:
    assert " --as-of 2026-11-23 --print-request |" in call_to_try("http://127.0.0.1:8000", "2026-11-23")


def test_serve_names_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused(run("serve", "--port", str(port)), f"127.0.0.1:{port} cannot be listened on; choose another --port")


def test_serve_names_a_setting_that_cannot_be() -> None:
    refused(run("serve", CDS_PAGE_CAP="0"), "CDS_PAGE_CAP: Expected `int` >= 1")


def test_a_start_that_fails_names_the_file(tmp_path: Path) -> None:
    missing = tmp_path / "codes.csv"
    result = run("call", "--fixture", "azathioprine-with-allopurinol", CDS_MAPPING_FILE=str(missing))
    assert result.stderr.startswith("Error: the service cannot start: ")
    assert "codes.csv" in result.stderr
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port: int = held.getsockname()[1]
    return port


def wait_for(found: Callable[[], str], patience: float = 40) -> str:
    give_up = time.monotonic() + patience
    while not (text := found()):
        assert time.monotonic() < give_up, "the service did not say that it answers"
        time.sleep(0.05)
    return text


@pytest.mark.slow
@pytest.mark.parametrize("as_of", ["", "2029-02-28"])
def test_serve_prints_a_call_that_can_be_pasted_into_any_shell(tmp_path: Path, as_of: str) -> None:
    if shutil.which("curl") is None:
        pytest.skip("skipped, because there is no curl")
    day = ["--as-of", as_of] if as_of else []
    env = {**without_settings(), "PYTHONPATH": str(ROOT)}
    out = tmp_path / "out"
    with out.open("w") as stdout:
        service = subprocess.Popen(
            [sys.executable, "-m", "cds_service.cli", "serve", "--port", str(free_port()), "--workers", "2", *day],
            cwd=tmp_path, env=env, stdout=stdout, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    try:
        printed = wait_for(lambda: text if (text := out.read_text()).endswith("\n\n") else "")
        intro, pasted = printed.strip().split("\n\n")
        said_first, asked = intro.splitlines()
        assert re.fullmatch(
            r"The service answers at http://127\.0\.0\.1:\d+/cds-services\. "
            r"It asks nobody who calls: for development alone\.",
            said_first,
        )
        assert asked == "Ask it for a card:"
        answer = subprocess.run(pasted, shell=True, cwd="/", env=env, capture_output=True, text=True, check=True)
        assert [card["summary"] for card in json.loads(answer.stdout)["cards"]] == [METHOTREXATE]
    finally:
        service.send_signal(signal.SIGTERM)
        _, said = service.communicate(timeout=30)
    assert service.returncode == 0
    assert "Traceback" not in said
