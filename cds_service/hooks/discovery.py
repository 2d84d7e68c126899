"""Discovery: the three services, one for each hook, as a client finds them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from ..clinical.findings import Hook

SPECIFICATION = "2.0.1"
"""The version of CDS Hooks that is spoken, as 3.0 asks for it; `hookVersion` is left out, its definitions disagree."""


class Service(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One service as discovery shows it. `prefetch` maps keys to query templates and is left out when empty."""

    hook: Hook
    title: str
    description: str
    id: str
    prefetch: Mapping[str, str] = msgspec.field(default_factory=dict)
    usage_requirements: str = ""
    version: str = ""


class _Services(msgspec.Struct, frozen=True):
    services: Sequence[Service]


_USE = (
    "FHIR R4. Needs the patient, the conditions and the medication requests, by prefetch or from the FHIR server; "
    "without the others it says which checks could not be made. Decision support only: the clinician decides."
)


def services(prefetch: Callable[[Hook], Mapping[str, str]]) -> tuple[Service, ...]:
    """The three services; `prefetch` gives the templates for a hook."""
    described: tuple[tuple[Hook, str, str], ...] = (
        (
            "patient-view",
            "Myositis drug safety: chart review",
            "Checks the current treatment of a patient with myositis against the treatment table and safety rules.",
        ),
        (
            "order-select",
            "Myositis drug safety: while ordering",
            "Checks the orders just selected, together with the chart, for a patient with myositis.",
        ),
        (
            "order-sign",
            "Myositis drug safety: before signing",
            "Checks all orders about to be signed, together with the chart, for a patient with myositis, and says "
            "which checks could not be made.",
        ),
    )
    return tuple(
        Service(
            hook=hook,
            title=title,
            description=description,
            id=f"myositis-{hook}",
            prefetch=prefetch(hook),
            usage_requirements=_USE,
            version=SPECIFICATION,
        )
        for hook, title, description in described
    )


def write_discovery(offered: Sequence[Service]) -> bytes:
    """The answer to discovery; no service gives `{"services": []}`."""
    return msgspec.json.encode(_Services(offered))
