"""By what else than their rule the cards of a report may be told apart."""

from __future__ import annotations

from typing import Literal, get_args

By = Literal["severity", "hook", "service", "version", "day"]
"""`version` is that of the knowledge."""
BYS: tuple[By, ...] = get_args(By)
