"""Where the requests lie that others published."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def published(group: str) -> list[Path]:
    """All files of one group ("cds", "cds-malformed"), sorted; skips the test where the folder is not there."""
    shared = Path(os.environ.get("CDS_SHARED") or Path(__file__).parents[3] / "shared")
    folder = shared / "data" / group
    if not folder.is_dir():
        pytest.skip(f"skipped, because the published files of {group} are not there")
    return sorted(path for path in folder.rglob("*") if path.is_file())
