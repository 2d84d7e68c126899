"""Our own service, as a process on a real socket, is looked at like any other."""

from __future__ import annotations

import datetime as dt
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from joserfc.jwk import ECKey

from cds_service.cli.verify import patients
from cds_service.settings import Settings
from cds_service.verify.results import Report
from cds_service.verify.run import Options, Verification
from cds_service.verify.signing import Signer
from cds_service.verify.steps import steps

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
ISSUER = "https://ehr.example.org"
PUBLIC = "https://cds.example.org"


@contextmanager
def running(log: Path, **settings: str) -> Iterator[str]:
    """The base address of the service with these settings."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CDS_")}
    environ |= {"PYTHONPATH": str(ROOT), "CDS_PORT": str(port), "CDS_WORKERS": "1", "CDS_LOG_LEVEL": "error"}
    environ |= {f"CDS_{name.upper()}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "cds_service.cli", "serve"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environ, stdout=output, stderr=output)
    try:
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                break
            except ConnectionRefusedError:
                assert process.poll() is None, log.read_text()
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def verified(base: str, options: Options, signer: Signer | None = None) -> Report:
    today = dt.datetime.now(dt.UTC)
    run = Verification(base, patients(today.date()), options, signer)
    for step in steps(run):
        step.run()
    return run.report(today)


def outcomes(report: Report, outcome: str) -> dict[str, str]:
    return {result.check.id: result.note for result in report.results if result.outcome == outcome}


def test_in_development_nothing_fails_and_only_what_needs_a_key_is_not_tried(tmp_path: Path) -> None:
    kept = {"database_url": f"sqlite:///{tmp_path}/feedback.db"}
    with running(tmp_path / "log", **(kept if "database_url" in Settings.__struct_fields__ else {})) as base:
        report = verified(base, Options(feedback=True))
    assert outcomes(report, "fail") == {}
    untried = outcomes(report, "not tried")
    assert untried.pop("system-actions") == "nothing came that it could look at"
    reasons = {"no test key was given (--key)", "the service takes no feedback (404)"}
    assert set(untried.values()) <= reasons


def test_in_production_tokens_are_verified_and_nothing_fails(tmp_path: Path) -> None:
    if "clients_file" not in Settings.__struct_fields__:
        pytest.skip("skipped, because this service does not verify its callers")
    key = ECKey.generate_key("P-384")
    public = {**key.as_dict(private=False), "kid": "test", "use": "sig", "alg": "ES384"}
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [public]}))
    (tmp_path / "clients.toml").write_text(f'[client.test]\nissuer = "{ISSUER}"\njwks_file = "keys.json"\n')
    settings = {
        "profile": "production",
        "public_url": PUBLIC,
        "clients_file": str(tmp_path / "clients.toml"),
        "replay_file": str(tmp_path / "replay.sqlite"),
        "card_key": "a key for this test alone",
        "cors_origins": ISSUER,
    }
    with running(tmp_path / "log", **settings) as base:
        signer = Signer(key, issuer=ISSUER, audience=PUBLIC, kid="test")
        report = verified(base, Options(origin=ISSUER), signer)
    assert outcomes(report, "fail") == {}
    assert set(outcomes(report, "not tried")) & {check for check in _TOKENS} == set()


_TOKENS = (
    "token-accepted token-missing token-expired token-audience token-forged token-hs256 token-none token-issuer "
    "token-replayed cors-preflight cors-success cors-errors"
).split()
