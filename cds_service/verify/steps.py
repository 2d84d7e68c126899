"""The steps of a run in their order: each looks at one side of the service, with what those before it have found."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from . import calls, cors, discovery, errors, feedback, prefetch, tokens, tolerance
from .client import Exhausted
from .run import Verification


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a run, for a progress bar. Only that of discovery raises: Unreachable, where nothing answers."""

    title: str
    run: Callable[[], None]


def steps(run: Verification) -> tuple[Step, ...]:
    """What is to be done, first to last."""
    return (
        Step(title="Discovery", run=lambda: discovery.look(run)),
        Step(title="Calls", run=_bounded(calls.look, run)),
        Step(title="Prefetch", run=_bounded(prefetch.look, run)),
        Step(title="Tolerance", run=_bounded(tolerance.look, run)),
        Step(title="Errors", run=_bounded(errors.look, run)),
        Step(title="Tokens", run=_bounded(tokens.look, run)),
        Step(title="Feedback", run=_bounded(feedback.look, run)),
        Step(title="Cross-origin", run=_bounded(cors.look, run)),
    )


def _bounded(look: Callable[[Verification], None], run: Verification) -> Callable[[], None]:
    """Where no more requests may be made, what is left stays "not tried"."""

    def bounded() -> None:
        try:
            look(run)
        except Exhausted:
            return

    return bounded
