"""Three scenes on the synthetic patients, judged in this process and shown as an EHR would show them."""

from __future__ import annotations

import datetime as dt

from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from .ehr import Service, call_hook, read_cards
from .fixtures import load_fixture
from .show import show_cards

SCENES = (
    "methotrexate-without-folic-acid",
    "azathioprine-with-allopurinol",
    "ivig-three-days-after-rituximab",
)


def play(service: Service, console: Console, today: dt.date) -> None:
    """Plays every scene. Raises CallFailed."""
    for number, name in enumerate(SCENES, start=1):
        fixture = load_fixture(name, today)
        console.print(Rule(Text(f"{number}. {fixture.title}"), align="left", style="dim"))
        console.print(f"[dim]{fixture.hook}, {fixture.patient_id}:[/] {fixture.story}")
        show_cards(console, read_cards(call_hook(service, fixture.hook, fixture.request)))
        console.print()
