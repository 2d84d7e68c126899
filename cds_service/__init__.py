"""A CDS Hooks service for drug safety in idiopathic inflammatory myopathy (myositis)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .app import create_app

__all__ = ["create_app"]


def __getattr__(name: str) -> object:
    """Hands on `create_app` when it is asked for: importing the package alone must load nothing of it."""
    if name != "create_app":
        raise AttributeError(name)
    from .app import create_app

    return create_app
