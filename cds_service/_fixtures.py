"""Where the synthetic FHIR patients lie: inside the installed package, or at the root of a checkout."""

from importlib.resources import files
from pathlib import Path


def fixtures_folder() -> Path:
    """The folder that holds one folder for each synthetic patient.

    The wheel carries `fixtures/fhir` of the repository as `cds_service/fixtures/fhir`. A checkout (and an editable
    installation, which points at one) has it beside the package. Raises FileNotFoundError where neither is there.
    """
    package = Path(str(files(__package__)))
    for folder in (package / "fixtures" / "fhir", package.parent / "fixtures" / "fhir"):
        if folder.is_dir():
            return folder
    raise FileNotFoundError("the synthetic patients (fixtures/fhir) are not part of this installation")
