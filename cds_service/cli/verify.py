"""`verify`, as far as it needs the rest of the package: which patients are played, and the key of a test client."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

from ..verify.client import base_of
from ..verify.patients import Patient, read_patient
from ..verify.run import Options, Verification
from ..verify.signing import KeyUnusable, Signer, read_key
from .faults import Fault
from .fixtures import load_fixture

PATIENTS = ("methotrexate-without-folic-acid", "azathioprine-with-allopurinol", "ivig-three-days-after-rituximab")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\[\]:-]+", re.ASCII)


class CannotVerify(Fault):
    """Something is missing or wrong before a single request is made."""


def patients(today: dt.date) -> tuple[Patient, ...]:
    """Three synthetic patients with their drafts, their dates moved to today."""
    return tuple(read_patient(name, load_fixture(name, today).request) for name in PATIENTS)


def signer(key_file: str, *, base: str, issuer: str, audience: str, kid: str, jku: str) -> Signer:
    """Signs for the client `issuer`; the audience is the public base address. Raises CannotVerify."""
    if not issuer:
        raise CannotVerify("--key needs the --issuer that the service knows")
    try:
        key = read_key(Path(key_file).read_bytes())
        return Signer(key, issuer=issuer, audience=base_of(audience or base), kid=kid, jku=jku)
    except OSError:
        raise CannotVerify(f"{key_file} cannot be read") from None
    except KeyUnusable as error:
        raise CannotVerify(f"{key_file}: {error}") from None
    except ValueError as error:
        raise CannotVerify(f"--audience: {error}") from None


def verification(address: str, options: Options, today: dt.date, sign: Signer | None) -> Verification:
    """A run that can begin. Raises CannotVerify."""
    if not _ORIGIN.fullmatch(options.origin):
        raise CannotVerify("--origin: not an origin like https://ehr.example.org")
    try:
        return Verification(base_of(address), patients(today), options, sign)
    except ValueError as error:
        raise CannotVerify(f"URL: {error}") from None
