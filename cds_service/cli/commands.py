"""The commands: what each takes from the command line, and how its faults become one line."""

from __future__ import annotations

import datetime as dt
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, get_args

import click

from ..clinical.findings import Hook
from ..settings import Settings, SettingsError, read_settings
from .by import BYS, By
from .faults import Fault

if TYPE_CHECKING:
    from .ehr import Service


class _Day(click.ParamType[dt.date]):
    name = "date"

    def convert(self, value: str | dt.date, param: click.Parameter | None, ctx: click.Context | None) -> dt.date:
        if isinstance(value, dt.date):
            return value
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value} is no date like 2026-11-30", param, ctx)


@contextmanager
def _one_line() -> Iterator[None]:
    """Expected faults end the process with one line and status 1, without a traceback."""
    try:
        yield
    except (Fault, SettingsError) as fault:
        raise click.ClickException(str(fault)) from None


_as_of = click.option("--as-of", type=_Day(), metavar="DATE", help="Take this day for today.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="cds-service")
def main() -> None:
    """Drug safety in myositis as a CDS Hooks service.

    Settings are read from CDS_... variables; without any, the development profile runs.
    """


@main.command()
@click.option("--host", help="Address to listen on  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on  [default: 8000]")
@click.option("--workers", type=click.IntRange(1, 1024), help="Worker processes  [default: 2]")
@click.option("--threads", type=click.IntRange(1, 1024), help="Threads of each worker  [default: 32]")
@click.option("--fhir-server", "fhir_servers", multiple=True, metavar="URL", help="A FHIR server that may be read.")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]))
@_as_of
def serve(
    host: str | None,
    port: int | None,
    workers: int | None,
    threads: int | None,
    fhir_servers: tuple[str, ...],
    log_level: str | None,
    as_of: dt.date | None,
) -> None:
    """Run the service until it is stopped."""
    from ..server import serve as run
    from .start import address, announce, call_to_try, create, is_free

    with _one_line():
        settings = read_settings(
            os.environ,
            {
                "host": host,
                "port": port,
                "workers": workers,
                "threads": threads,
                "fhir_servers": ",".join(fhir_servers) or None,
                "log_level": log_level,
                "as_of": as_of.isoformat() if as_of else None,
            },
        )
        if not is_free(settings.host, settings.port):
            raise click.ClickException(f"{settings.host}:{settings.port} cannot be listened on; choose another --port")
        if not settings.clients_file:
            here = address(settings.host, settings.port)
            day = settings.as_of.isoformat() if settings.as_of else ""
            announce(
                settings.host,
                settings.port,
                f"\nThe service answers at {here}/cds-services. It asks nobody who calls: for development alone.\n"
                f"Ask it for a card:\n\n{call_to_try(here, day)}\n\n",
            )
        run(settings, create)


@main.command()
def demo() -> None:
    """Play three scenes on synthetic patients and show the cards, without any server."""
    from rich.console import Console

    from .demo import play
    from .ehr import LocalService

    today = dt.date.today()
    with _one_line():
        play(LocalService(Settings(as_of=today, log_level="error")), Console(), today)


@main.command()
@click.option("--fhir", required=True, metavar="URL", help="Base address of the FHIR server.")
@click.option("--only", multiple=True, metavar="NAME", help="This synthetic patient alone; may be repeated.")
@_as_of
def seed(fhir: str, only: tuple[str, ...], as_of: dt.date | None) -> None:
    """Load the synthetic patients into a FHIR server (R4). A second time changes nothing."""
    from rich.console import Console
    from rich.progress import track

    from .fixtures import fixture_names, load_fixture
    from .seed import FhirServer
    from .show import fixture_table

    today = as_of or dt.date.today()
    console = Console()

    with _one_line():
        fixtures = [load_fixture(name, today) for name in only or fixture_names()]
        server = FhirServer(fhir)
        for fixture in track(fixtures, description="Loading patients", console=console, transient=True):
            server.store(fixture)
    console.print(f"{len(fixtures)} synthetic patients are on {server.base}")
    console.print(fixture_table(fixtures))


@main.command()
@click.option("--hook", type=click.Choice(get_args(Hook)), help="The hook to call.")
@click.option("--patient", metavar="ID", help="The patient's id on the FHIR server.")
@click.option("--encounter", default="", metavar="ID", help="The encounter's id, where there is one.")
@click.option("--draft", "drafts", multiple=True, metavar="ORDER", help="An order in words; may be repeated.")
@click.option("--fhir", metavar="URL", help="The EHR's FHIR server: the service reads the record there.")
@click.option("--service", "service_url", metavar="URL", help="The service to call  [default: one in this process]")
@click.option("--fixture", metavar="NAME", help="Play a synthetic patient of fixtures/fhir.")
@click.option("--print-request", is_flag=True, help="Print the request and call nobody.")
@click.option("--json", "as_json", is_flag=True, help="Print the response as it came.")
@_as_of
def call(
    hook: Hook | None,
    patient: str | None,
    encounter: str,
    drafts: tuple[str, ...],
    fhir: str | None,
    service_url: str | None,
    fixture: str | None,
    print_request: bool,
    as_json: bool,
    as_of: dt.date | None,
) -> None:
    """Play an EHR: call a hook and show the cards.

    \b
    cds-service call --hook order-sign --patient wilma-weeklydose \\
      --draft "methotrexate 15 mg weekly on monday" --fhir http://127.0.0.1:8080/fhir
    cds-service call --fixture azathioprine-with-allopurinol
    """
    today = as_of or dt.date.today()
    with _one_line():
        if fixture:
            if hook or patient or encounter or drafts:
                raise click.UsageError("--fixture brings its own hook, patient and drafts")
            chosen, body = _fixture_request(fixture, fhir, today)
        else:
            if not (hook and patient and fhir):
                raise click.UsageError("give --hook, --patient and --fhir, or --fixture")
            if (hook == "patient-view") == bool(drafts):
                raise click.UsageError("give --draft at order-select and order-sign, and none at patient-view")
            chosen, body = hook, _typed_request(hook, patient, encounter, drafts, fhir, today)
        if print_request:
            click.echo(body.rstrip())
        else:
            _call(chosen, body, service_url, fhir, as_json=as_json, as_of=as_of)


@main.command()
@click.argument("file", type=click.File("rb"))
@click.option("--json", "as_json", is_flag=True, help="Print the reading as JSON.")
def dose(file: BinaryIO, as_json: bool) -> None:
    """Show how the dosage in FILE is understood ("-" reads standard input).

    FILE holds a MedicationRequest, MedicationStatement, MedicationAdministration, or a Dosage or a list of them. Every
    figure is shown with the element it comes from, or with the reason why it is unknown.
    """
    import msgspec
    from rich.console import Console

    from ..mapping.terminology import Terminology
    from .reading import read
    from .show_reading import show_reading

    with _one_line():
        readings = read(file.read(), Terminology.load())
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(readings)).decode())
        return
    for reading in readings:
        show_reading(Console(), reading)


@main.command()
@click.argument("url")
@click.option("--key", "key_file", type=click.Path(dir_okay=False), help="Private key of a test client, PEM or JWK.")
@click.option("--issuer", default="", help="The client's issuer (iss) that the service knows.")
@click.option("--audience", default="", metavar="URL", help="The public base address in tokens  [default: URL]")
@click.option("--kid", default="", help="Key id  [default: that of the JWK, else its thumbprint]")
@click.option("--jku", default="", metavar="URL", help="The client's key-set address, where tokens must name it.")
@click.option("--origin", metavar="ORIGIN", help="The web page to play  [default: the public sandbox]")
@click.option("--feedback", is_flag=True, help="Send feedback too; the service may count it.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--html", "html_file", type=click.Path(dir_okay=False), help="Write the report as a page to this file.")
@_as_of
def verify(
    url: str,
    key_file: str | None,
    issuer: str,
    audience: str,
    kid: str,
    jku: str,
    origin: str | None,
    feedback: bool,
    as_json: bool,
    html_file: str | None,
    as_of: dt.date | None,
) -> None:
    """Look at the CDS service at URL, any service, and say where it keeps to CDS Hooks.

    Synthetic patients only. Status 0: no MUST fails; 1: one fails; 2: it could not be looked at.
    """
    from rich.console import Console
    from rich.progress import track

    from ..verify.client import Unreachable
    from ..verify.report import exit_status, write_html, write_json
    from ..verify.run import Options
    from ..verify.steps import steps
    from .show_verify import show_report
    from .verify import signer, verification

    try:
        sign = None
        if key_file:
            sign = signer(key_file, base=url, issuer=issuer, audience=audience, kid=kid, jku=jku)
        options = Options(feedback=feedback, **({"origin": origin} if origin else {}))
        run = verification(url, options, as_of or dt.date.today(), sign)
        for step in track(steps(run), "Looking", console=Console(stderr=True), transient=True):
            step.run()
        report = run.report(dt.datetime.now(dt.UTC))
        if html_file:
            Path(html_file).write_bytes(write_html(report))
    except (Fault, Unreachable, OSError) as fault:
        click.echo(f"Error: {fault}", err=True)
        raise SystemExit(2) from None
    if as_json:
        click.echo(write_json(report))
    else:
        show_report(Console(), report)
    raise SystemExit(exit_status(report))


_site = click.option(
    "--site", "site_file", metavar="FILE", help="What a site wants otherwise  [default: CDS_SITE_FILE]"
)


@main.group()
def knowledge() -> None:
    """The rules, for people: list them, read one, check them all."""


@knowledge.command("list")
@_site
def list_rules(site_file: str | None) -> None:
    """Every rule, and what this site has changed."""
    from rich.console import Console

    from ..mapping.terminology import Terminology
    from .knowledge import cases_by_rule, load_knowledge
    from .show_knowledge import show_list

    with _one_line():
        site = read_settings(os.environ, {"site_file": site_file}).site_file
        show_list(Console(), load_knowledge(Terminology.load(), site), cases_by_rule())


@knowledge.command()
@click.argument("rule")
@_site
def show(rule: str, site_file: str | None) -> None:
    """RULE with its figures, sources and cases."""
    from rich.console import Console

    from ..mapping.terminology import Terminology
    from .knowledge import cases_by_rule, entry_of, load_knowledge
    from .show_knowledge import show_rule

    with _one_line():
        site = read_settings(os.environ, {"site_file": site_file}).site_file
        entry = entry_of(load_knowledge(Terminology.load(), site), rule)
        show_rule(Console(), entry, cases_by_rule().get(entry.id, []))


@knowledge.command()
def check() -> None:
    """Refuse what must not ship, and run every case; status 1 where anything is wrong."""
    from ..mapping.terminology import Terminology
    from .knowledge import check as look

    found, remarks = look(Terminology.load())
    for line in (*found, *remarks):
        click.echo(line)
    if found:
        raise click.ClickException(f"{len(found)} faults in the knowledge")
    click.echo("Nothing is wrong.")


@knowledge.command()
@click.option("--facts", is_flag=True, help="The page of facts and kinds instead.")
def book(facts: bool) -> None:
    """Print the pages of the book in Markdown: the table with its rules, or the facts and kinds."""
    from ..knowledge.book import facts_page, treatments_page
    from ..knowledge.cases import load_cases
    from ..knowledge.meanings import load_meanings
    from ..mapping.terminology import Terminology
    from .knowledge import load_knowledge

    with _one_line():
        known = load_knowledge(Terminology.load())
        page = facts_page(known, load_meanings()) if facts else treatments_page(known, load_cases())
        click.echo(page, nl=False)


@knowledge.command()
@click.argument("rules", nargs=-1)
def mutate(rules: tuple[str, ...]) -> None:
    """Move each figure, shorten each list, drop each `unless` of RULES (of all, where none is named).

    What the cases of a rule do not notice is listed; status 1 where that is more than one in twenty.
    """
    from rich.console import Console
    from rich.progress import track

    from ..knowledge.mutation import ENOUGH
    from ..mapping.terminology import Terminology
    from .knowledge import mutants, outcomes

    with _one_line():
        terminology = Terminology.load()
        found = mutants(terminology, rules)
        judged = outcomes(terminology, found)
        console = Console(stderr=True)
        told = list(track(judged, "Judging mutants", total=len(found), console=console, transient=True))
    survivors = [outcome.mutant for outcome in told if not outcome.caught]
    for mutant in survivors:
        click.echo(f"{mutant.place}: {mutant.path}: {mutant.change}")
    caught = len(told) - len(survivors)
    click.echo(f"{len(told)} mutants, {caught} caught ({100 * caught / max(1, len(told)):.1f} %)")
    if caught < ENOUGH * len(told):
        raise click.ClickException(f"{100 * ENOUGH:.0f} % are to be caught")


@main.group()
def feedback() -> None:
    """What became of the cards."""


@feedback.command()
@click.option("--since", type=_Day(), metavar="DATE", help="Cards shown on this day or later.")
@click.option("--until", type=_Day(), metavar="DATE", help="Cards shown on this day or earlier.")
@click.option("--by", multiple=True, type=click.Choice(BYS), help="Tell cards apart by this too; may be repeated.")
@click.option("--csv", "form", flag_value="csv", help="Print CSV.")
@click.option("--json", "form", flag_value="json", help="Print JSON.")
@click.option("--html", "form", flag_value="html", help="Print a page of HTML with plots, which needs nothing else.")
@click.option("--database", "database_url", metavar="URL", help="The store  [default: CDS_DATABASE_URL]")
@_site
def report(
    since: dt.date | None,
    until: dt.date | None,
    by: tuple[By, ...],
    form: str | None,
    database_url: str | None,
    site_file: str | None,
) -> None:
    """Of the cards of each rule: how many were shown, accepted, overridden and why, ignored."""
    from rich.console import Console

    from ..app import open_store
    from ..mapping.terminology import Terminology
    from .feedback import make_report, names_of
    from .feedback_page import write_page
    from .knowledge import load_knowledge
    from .show_feedback import show_feedback, write_csv, write_json

    with _one_line():
        settings = read_settings(os.environ, {"database_url": database_url, "site_file": site_file})
        store = open_store(settings)
        names = names_of(load_knowledge(Terminology.load(), settings.site_file).entries)
        made = make_report(store, names, since, until, by)
    if form is None:
        show_feedback(Console(), made)
    else:
        click.echo({"csv": write_csv, "json": write_json, "html": write_page}[form](made).rstrip("\n"))


@main.command()
@click.argument("requests", nargs=-1, type=click.File("rb"), metavar="[REQUEST.json]...")
@click.option("--url", metavar="URL", help="Ask the service at this address, not the one in this process.")
@_as_of
def closure(requests: tuple[BinaryIO, ...], url: str | None, as_of: dt.date | None) -> None:
    """Accept every suggestion of every card as an EHR would, call the hook again, and tell what was promised and not
    kept: a card that stays, one that is as grave and new, a created order that is not valid R4.

    Without any request the synthetic patients are asked about. The exit status is 1 where a promise was not kept.
    """
    from rich.console import Console

    from .closure import show_closure
    from .fixtures import load_fixtures

    with _one_line():
        named = [(file.name, file.read()) for file in requests]
        named = named or [(fixture.name, fixture.request) for fixture in load_fixtures(as_of or dt.date.today())]
        service = _service(url, None, as_of)
        kept = show_closure(Console(), service, named)
    if not kept:
        raise SystemExit(1)


@main.command()
@click.argument("request", type=click.File("rb"), metavar="REQUEST.json")
@click.option("--rule", metavar="RULE", help="This rule alone, whatever became of it.")
@click.option("--all", "everything", is_flag=True, help="Also the rules that nothing in the request concerns.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, every rule.")
@_as_of
def explain(request: BinaryIO, rule: str | None, everything: bool, as_json: bool, as_of: dt.date | None) -> None:
    """Say of each rule why it speaks about a request or does not: with the facts that it asked for, the figures that it
    compared and the evidence in the record.

    REQUEST.json is what an EHR sends to a hook; "-" reads it from the standard input. It never leaves this process.
    """
    from rich.console import Console

    from .explaining import explained, show_explained

    with _one_line():
        told = explained(_service(None, None, as_of), request.read(), rule)
    if as_json:
        click.echo(told)
    else:
        show_explained(Console(), told, everything=everything or rule is not None)


def _service(url: str | None, fhir: str | None, as_of: dt.date | None) -> Service:
    """The service at an address, or the one in this process."""
    from .ehr import LocalService, RemoteService

    if url:
        return RemoteService(url)
    day = as_of.isoformat() if as_of else None
    return LocalService(read_settings(os.environ, {"fhir_servers": fhir, "as_of": day, "log_level": "error"}))


def _fixture_request(name: str, fhir: str | None, today: dt.date) -> tuple[Hook, bytes]:
    from .fixtures import load_fixture

    fixture = load_fixture(name, today)
    return fixture.hook, fixture.request_to(fhir) if fhir else fixture.request


def _typed_request(
    hook: Hook, patient: str, encounter: str, drafts: tuple[str, ...], fhir: str, today: dt.date
) -> bytes:
    from ..mapping.terminology import Terminology
    from .ehr import checked_address, write_call
    from .orders import is_known, write_draft
    from .words import read_order

    orders = [read_order(draft, today) for draft in drafts]
    server = checked_address(fhir)
    terminology = Terminology.load()
    for order in orders:
        if not is_known(order, terminology):
            click.echo(f"Note: the service knows no '{order.name}'; it is sent in words.", err=True)
    return write_call(
        hook,
        instance=str(uuid.uuid4()),
        fhir_server=server,
        patient=patient,
        encounter=encounter,
        drafts=[
            write_draft(order, terminology, number=number, patient=patient, encounter=encounter)
            for number, order in enumerate(orders, start=1)
        ],
    )


def _call(
    hook: Hook, body: bytes, service_url: str | None, fhir: str | None, *, as_json: bool, as_of: dt.date | None
) -> None:
    from rich.console import Console

    from .ehr import call_hook, read_cards
    from .show import show_cards

    response = call_hook(_service(service_url, fhir, as_of), hook, body)
    if as_json:
        click.echo(response)
    else:
        show_cards(Console(), read_cards(response))
