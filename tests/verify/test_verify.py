"""A run against services on real sockets: a good one, ours, and those with one fault each."""

from __future__ import annotations

import datetime as dt

import pytest
from joserfc.jwk import ECKey

from cds_service.cli.verify import patients
from cds_service.verify.catalogue import CHECKS
from cds_service.verify.results import Report
from cds_service.verify.run import Options, Verification
from cds_service.verify.signing import Signer
from cds_service.verify.steps import steps

from .faults import FAULTS, TOKEN_FAULTS
from .services import ISSUER, Fault, no_fault, served

TODAY = dt.date(2026, 11, 25)
KEY = ECKey.generate_key("P-384")
ONE = patients(TODAY)[:1]


def verified(base: str, *, signer: Signer | None = None, feedback: bool = True) -> Report:
    run = Verification(base, ONE, Options(feedback=feedback), signer)
    for step in steps(run):
        step.run()
    return run.report(dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC))


def failed(report: Report) -> dict[str, str]:
    return {result.check.id: result.note for result in report.results if result.outcome == "fail"}


def untried(report: Report) -> dict[str, str]:
    return {result.check.id: result.note for result in report.results if result.outcome == "not tried"}


def verified_with_tokens(fault: Fault) -> Report:
    with served(fault, KEY) as base:
        return verified(base, signer=Signer(KEY, issuer=ISSUER, audience=base))


def test_a_service_that_keeps_to_the_letter_passes_every_check_that_needs_no_token() -> None:
    with served() as base:
        report = verified(base)
    assert failed(report) == {}
    assert set(untried(report)) == {check.id for check in CHECKS if check.group == "tokens"}
    assert set(untried(report).values()) == {"no test key was given (--key)"}


def test_a_service_that_wants_tokens_passes_every_check() -> None:
    report = verified_with_tokens(no_fault)
    assert (failed(report), untried(report)) == ({}, {})


@pytest.mark.parametrize(("check", "fault"), [pytest.param(c, f, id=words) for c, words, f in FAULTS])
def test_exactly_the_check_of_a_fault_finds_it(check: str, fault: Fault) -> None:
    with served(fault) as base:
        assert set(failed(verified(base))) == {check}


@pytest.mark.parametrize(("check", "fault"), [pytest.param(c, f, id=words) for c, words, f in TOKEN_FAULTS])
def test_exactly_the_check_of_a_fault_in_trust_finds_it(check: str, fault: Fault) -> None:
    assert set(failed(verified_with_tokens(fault))) == {check}


def test_every_check_has_a_service_that_fails_it() -> None:
    seeded = {check for check, _, _ in [*FAULTS, *TOKEN_FAULTS]}
    assert {check.id for check in CHECKS} - seeded == set()
