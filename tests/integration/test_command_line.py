"""The commands beside a real FHIR server: what `seed` stored is what `serve` and `call` make the cards of."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner

from cds_service.cli import main
from cds_service.cli.fixtures import fixture_names, load_fixture

from .hapi import Hapi, Json
from .scenes import TODAY, scene, told

DAY = TODAY.isoformat()
every_patient = pytest.mark.parametrize("name", fixture_names())


@pytest.fixture(scope="module")
def seeded(hapi: Hapi) -> Hapi:
    """The server with the synthetic patients under their own names."""
    _run("seed", "--fhir", hapi.base, "--as-of", DAY)
    return hapi


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service that was started as a user starts it."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("serve") / "log"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CDS_")}
    environ |= {"PYTHONPATH": str(Path(__file__).parents[2]), "CDS_DEADLINE_S": "50"}
    command = [sys.executable, "-m", "cds_service.cli", "serve", "--port", str(port), "--as-of", DAY]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environ, stdout=output, stderr=output)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(f"{address}/health/ready", process, log)
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


def test_seeding_twice_changes_nothing(seeded: Hapi) -> None:
    before = _versions(seeded)
    _run("seed", "--fhir", seeded.base, "--as-of", DAY)
    assert len(before) > len(fixture_names())
    assert _versions(seeded) == before


@pytest.mark.slow
@every_patient
def test_a_running_service_reads_the_server(hapi: Hapi, running: str, name: str) -> None:
    played = scene(name)
    request = {**played.request, "prefetch": {}, "fhirServer": hapi.base}
    answer = requests.post(f"{running}/cds-services/myositis-{played.hook}", json=request, timeout=60)
    assert answer.status_code == 200, answer.text
    assert told(answer.json()) == played.expected


@every_patient
def test_call_plays_a_patient_of_the_server(seeded: Hapi, name: str) -> None:
    answer = _run("call", "--fixture", name, "--fhir", seeded.base, "--as-of", DAY, "--json")
    assert told(json.loads(answer)) == json.loads(load_fixture(name, TODAY).expected)["cards"]


def test_call_asks_about_an_order_in_words(seeded: Hapi) -> None:
    answer = _run(
        *("call", "--hook", "order-sign", "--patient", "wilma-weeklydose", "--fhir", seeded.base),
        *("--draft", "methotrexate 15 mg weekly on monday", "--as-of", DAY, "--json"),
    )
    rules = [finding["rule"] for card in told(json.loads(answer)) for finding in card["findings"]]
    assert "MTX-05" in rules


def _run(*arguments: str) -> str:
    """What a command prints; it must end well."""
    own = {name: None for name in os.environ if name.startswith("CDS_")}
    result = CliRunner(env=own | {"CDS_DEADLINE_S": "50"}).invoke(main, arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        assert process.poll() is None, log.read_text()
        try:
            if requests.get(url, timeout=5).status_code == 200:
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.1)
    raise AssertionError(log.read_text())


def _versions(server: Hapi) -> dict[str, str]:
    """The version of each resource of the synthetic patients, as the server has it."""
    stored = [
        server.get(f"{each['resourceType']}/{each['id']}")
        for name in fixture_names()
        for each in map(_decoded, load_fixture(name, TODAY).resources())
    ]
    return {f"{each['resourceType']}/{each['id']}": each["meta"]["versionId"] for each in stored}


def _decoded(resource: bytes) -> Json:
    decoded: Json = json.loads(bytes(resource))
    return decoded
