"""What leaves the house: the wheel, the locks, the image and the compose file."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from time import monotonic, sleep
from urllib.request import urlopen
from zipfile import ZipFile

import msgspec
import pytest

from cds_service._fixtures import fixtures_folder
from cds_service.settings import read_settings

ROOT = Path(__file__).parent.parent
LOCKS = ("requirements.lock", "requirements-build.lock", "requirements-dev.lock")


def run(*command: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """What a command that must succeed printed."""
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


# The wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder, cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


def names_in(wheel: Path) -> set[str]:
    with ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


def files_below(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")


def test_the_wheel_holds_the_package_and_the_fixtures_and_nothing_else(wheel: Path) -> None:
    package = {path.relative_to(ROOT).as_posix() for path in files_below(ROOT / "cds_service")}
    fixtures = {f"cds_service/{path.relative_to(ROOT).as_posix()}" for path in files_below(ROOT / "fixtures" / "fhir")}
    held = {name for name in names_in(wheel) if ".dist-info/" not in name}
    assert held == package | fixtures


@pytest.mark.parametrize(
    "pattern",
    [
        "cds_service/py.typed",
        "cds_service/knowledge/*.toml",
        "cds_service/knowledge/cases/*.toml",
        "cds_service/knowledge/schema/*.json",
        "cds_service/mapping/terminology/*.csv",
        "cds_service/fixtures/fhir/*/expected.json",
        "cds_service-*.dist-info/licenses/LICENSE",
        "cds_service-*.dist-info/licenses/NOTICE",
        "cds_service-*.dist-info/entry_points.txt",
    ],
)
def test_the_wheel_holds_every_kind_of_data(wheel: Path, pattern: str) -> None:
    assert any(fnmatch(name, pattern) for name in names_in(wheel))


def test_a_checkout_has_its_fixtures_at_the_root() -> None:
    assert fixtures_folder() == ROOT / "fixtures" / "fhir"


def test_an_installed_wheel_finds_the_fixtures_inside_itself_from_any_folder(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    with ZipFile(wheel) as archive:
        archive.extractall(site)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    ask = "import sys; sys.path.insert(0, sys.argv[1]); import cds_service._fixtures as f; print(f.fixtures_folder())"
    found = run(sys.executable, "-I", "-c", ask, site, cwd=elsewhere)
    assert Path(found.strip()) == site / "cds_service" / "fixtures" / "fhir"


# The locks


def pins_in(lock: str) -> dict[str, str]:
    """Version by name; a line of a lock that pins nothing is no requirement."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9._-]+)==([^ \\;]+)", text, flags=re.MULTILINE))


def normal(requirement: str) -> str:
    """The name of a requirement, as a lock writes it."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name is not None
    return re.sub(r"[._-]+", "-", name[0]).lower()


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_every_requirement_with_a_hash_and_names_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    entries = [entry for entry in re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE) if not entry.startswith("#")]
    unlocked = [entry for entry in entries if not re.match(r"[a-z0-9._-]+==\S+.* \\\n +--hash=sha256:", entry)]
    assert entries and unlocked == []
    assert "://" not in text
    assert [line for line in text.splitlines() if line.startswith("-")] == []


def test_the_runtime_lock_answers_every_dependency_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    locked = {normal(name) for name in pins_in("requirements.lock")}
    databases = project["optional-dependencies"]["postgresql"]  # The image can keep feedback in either.
    assert {normal(requirement) for requirement in (*project["dependencies"], *databases)} <= locked


def test_the_development_lock_holds_the_others_with_the_same_pins() -> None:
    others = pins_in("requirements.lock") | pins_in("requirements-build.lock")
    development = pins_in("requirements-dev.lock")
    assert {name: development.get(name) for name in others} == others


def test_the_runtime_lock_holds_no_tool_of_development() -> None:
    assert pins_in("requirements.lock").keys() & {"pytest", "mypy", "ruff", "hatchling", "hypothesis"} == set()


# The image


@dataclass(frozen=True, slots=True)
class Instruction:
    """One line of a Dockerfile."""

    word: str
    rest: str

    @property
    def exec_form(self) -> list[str]:
        """The words of a command given as a JSON list, whatever options stand before it."""
        return msgspec.json.decode(self.rest[self.rest.index("[") :], type=list[str])


@dataclass(slots=True)
class Stage:
    """One FROM and what follows it."""

    name: str
    image: str
    steps: list[Instruction] = field(default_factory=list)

    def last(self, word: str) -> Instruction:
        return [step for step in self.steps if step.word == word][-1]


def read_dockerfile() -> list[Stage]:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    stages: list[Stage] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            image, _, name = rest.partition(" AS ")
            stages.append(Stage(name, image))
        else:
            stages[-1].steps.append(Instruction(word, rest.strip()))
    return stages


def test_the_image_does_not_run_as_root() -> None:
    user, _, group = read_dockerfile()[-1].last("USER").rest.partition(":")
    assert int(user) > 0
    assert int(group) > 0


def test_the_image_installs_only_what_a_lock_or_its_own_stage_holds() -> None:
    for stage in read_dockerfile():
        for step in stage.steps:
            if step.word == "RUN" and "pip install" in step.rest:
                assert "--require-hashes" in step.rest or {"--no-deps", "--no-index"} <= set(step.rest.split())


def test_the_image_is_built_on_a_python_that_the_package_supports() -> None:
    assert {stage.image for stage in read_dockerfile()} == {"python:3.11-slim"}


def test_the_build_context_lets_in_what_the_image_copies() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = {line[1:] for line in lines if line.startswith("!")}
    copied = {
        source
        for stage in read_dockerfile()
        for step in stage.steps
        if step.word == "COPY" and not step.rest.startswith("--from=")
        for source in step.rest.split()[:-1]
    }
    assert "*" in lines
    assert let_in == copied
    assert [name for name in copied if not (ROOT / name).exists()] == []


# The image, performed: its steps in an empty environment


@dataclass(frozen=True, slots=True)
class Container:
    """A stage whose steps were performed, in a folder and an environment of its own."""

    folder: Path
    env: dict[str, str]
    stage: Stage

    def command(self, words: Sequence[str], port: int) -> list[str]:
        """A command of the image, on another port than the image's."""
        found = shutil.which(words[0], path=self.env["PATH"])
        assert found is not None, f"{words[0]} is not installed"
        return [found, *(word.replace("8000", str(port)) for word in words[1:])]


def way_to_the_registry() -> dict[str, str]:
    """How this machine reaches its package registry: the only part of its environment that an image build is given."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith("PIP_") or name.upper().endswith("_PROXY") or name in ("SSL_CERT_FILE", "SSL_CERT_DIR")
    }


def perform(stage: Stage, folder: Path, done: Mapping[str, Container]) -> Container:
    """The stage's COPY, ENV and RUN lines, with a fresh virtual environment in place of the base image."""
    venv.create(folder / "python", with_pip=True)
    workdir = folder / "workdir"
    workdir.mkdir()
    home = stage.last("WORKDIR").rest.rstrip("/")
    env = {"PATH": f"{folder / 'python' / 'bin'}:/usr/bin:/bin", "HOME": str(folder)}
    container = Container(workdir, env, stage)
    for step in stage.steps:
        if step.word == "RUN":
            run("sh", "-c", step.rest, cwd=workdir, env={**way_to_the_registry(), **env})
        elif step.word == "ENV":
            given = dict(pair.split("=", 1) for pair in shlex.split(step.rest))
            env.update({name: value for name, value in given.items() if name != "HOME"})
        elif step.word == "COPY":
            source_root = ROOT
            *sources, target = step.rest.split()
            if sources[0].startswith("--from="):
                source_root = done[sources.pop(0).removeprefix("--from=")].folder
            for source in sources:
                copy(source_root / source.removeprefix(f"{home}/"), workdir / target)
    return container


def copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    else:
        shutil.copy(source, target)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Container:
    folder = tmp_path_factory.mktemp("image")
    pin = f"hatchling=={pins_in('requirements-build.lock')['hatchling']}"
    probe = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder / "probe"), pin]
    if subprocess.run(probe, capture_output=True, check=False).returncode != 0:
        reason = "no package registry answers, and the image installs from one"
        if os.environ.get("CDS_REQUIRE_REAL_PARTS"):
            pytest.fail(reason)
        pytest.skip(f"skipped, because {reason}")
    done: dict[str, Container] = {}
    for number, stage in enumerate(read_dockerfile()):
        own = folder / f"stage-{number}"
        own.mkdir()
        done[stage.name] = perform(stage, own, done)
    return done[read_dockerfile()[-1].name]


@pytest.mark.slow
def test_the_image_starts_is_healthy_and_offers_the_three_services(image: Container) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = int(held.getsockname()[1])
    start = image.command(image.stage.last("CMD").exec_form, port)
    healthy = image.command(image.stage.last("HEALTHCHECK").exec_form, port)
    with subprocess.Popen(start, cwd=image.folder, env=image.env, stderr=subprocess.PIPE, text=True) as service:
        try:
            give_up = monotonic() + 60
            while subprocess.run(healthy, env=image.env, capture_output=True, check=False).returncode != 0:
                assert service.poll() is None, service.stderr.read() if service.stderr else ""
                assert monotonic() < give_up, "the image's own health check does not pass"
                sleep(0.1)
            with urlopen(f"http://127.0.0.1:{port}/cds-services", timeout=10) as answer:
                offered = json.load(answer)["services"]
        finally:
            service.terminate()
    assert [service["hook"] for service in offered] == ["patient-view", "order-select", "order-sign"]
    assert service.returncode == 0


@pytest.mark.slow
def test_the_installed_demo_plays_from_any_folder(image: Container, tmp_path: Path) -> None:
    said = run(*image.command(["cds-service", "demo"], 0), cwd=tmp_path, env=image.env)
    assert "folic acid" in said


@pytest.mark.slow
def test_the_installed_seed_takes_the_option_that_the_compose_file_gives(image: Container, tmp_path: Path) -> None:
    said = run(*image.command(["cds-service", "seed", "--help"], 0), cwd=tmp_path, env=image.env)
    assert "--fhir" in said


@pytest.mark.slow
def test_the_image_holds_no_build_tool(image: Container) -> None:
    listed = run(
        *image.command(["python", "-m", "pip", "list", "--format", "json"], 0), cwd=image.folder, env=image.env
    )
    assert {package["name"] for package in json.loads(listed)} & {"hatchling", "pytest", "mypy", "ruff"} == set()


# The compose file


class Healthcheck(msgspec.Struct, frozen=True):
    test: list[str]


class Service(msgspec.Struct, frozen=True):
    image: str
    build: str = ""
    volumes: list[str] = []
    command: list[str] = []
    environment: dict[str, str] = {}
    depends_on: dict[str, dict[str, str]] = {}
    ports: list[str] = []
    healthcheck: Healthcheck | None = None


class Compose(msgspec.Struct, frozen=True):
    services: dict[str, Service]
    volumes: dict[str, None]


@pytest.fixture(scope="module")
def compose() -> Compose:
    return msgspec.yaml.decode((ROOT / "docker-compose.yml").read_bytes(), type=Compose)


@pytest.fixture(scope="module")
def services(compose: Compose) -> dict[str, Service]:
    return compose.services


def test_hapi_is_a_pinned_r4_server(services: dict[str, Service]) -> None:
    assert re.fullmatch(r"hapiproject/hapi:v\d+\.\d+\.\d+(-\d+)?", services["hapi"].image)
    assert services["hapi"].environment == {"hapi.fhir.fhir_version": "R4"}


def test_the_service_starts_when_hapi_has_answered_and_is_seeded(services: dict[str, Service]) -> None:
    completed = {"condition": "service_completed_successfully"}
    assert services["hapi-ready"].depends_on == {"hapi": {"condition": "service_started"}}
    assert services["seed"].depends_on == {"hapi-ready": completed}
    assert services["cds"].depends_on == {"seed": completed, "database": {"condition": "service_healthy"}}


def test_feedback_is_kept_in_a_pinned_database_that_outlives_its_container(compose: Compose) -> None:
    database = compose.services["database"]
    assert re.fullmatch(r"postgres:\d+\.\d+-alpine", database.image)
    (volume,) = database.volumes
    assert compose.volumes == {volume.partition(":")[0]: None}
    assert volume.partition(":")[2] == "/var/lib/postgresql/data"
    told = {key.removeprefix("POSTGRES_").lower(): value for key, value in database.environment.items()}
    address = f"postgresql://{told['user']}:{told['password']}@database/{told['db']}"
    assert read_settings(compose.services["cds"].environment).database_url == address
    assert database.healthcheck is not None
    assert database.healthcheck.test == ["CMD", "pg_isready", "-U", told["user"]]


def test_the_service_may_read_the_server_that_is_seeded(services: dict[str, Service]) -> None:
    *seed, server = services["seed"].command
    assert seed == ["cds-service", "seed", "--fhir"]
    assert server == "http://hapi:8080/fhir"
    assert read_settings(services["cds"].environment).fhir_servers == (server,)


def test_what_waits_for_hapi_is_a_program_that_asks_for_its_metadata(services: dict[str, Service]) -> None:
    python, option, program = services["hapi-ready"].command
    assert (python, option) == ("python", "-c")
    assert "http://hapi:8080/fhir/metadata" in program
    assert compile(program, "hapi-ready", "exec").co_names[0] == "time"


def test_the_service_is_healthy_when_it_is_ready(services: dict[str, Service]) -> None:
    check = services["cds"].healthcheck
    assert check is not None
    assert check.test[:3] == ["CMD", "python", "-c"]
    assert "http://127.0.0.1:8000/health/ready" in check.test[3]


def test_our_own_containers_are_built_from_this_folder(services: dict[str, Service]) -> None:
    ours = {name: service.build for name, service in services.items() if service.image == "cds-service"}
    assert ours == {"hapi-ready": ".", "seed": ".", "cds": "."}


def test_no_port_is_open_to_the_network(services: dict[str, Service]) -> None:
    ports = [port for service in services.values() for port in service.ports]
    assert ports == ["127.0.0.1:8080:8080", "127.0.0.1:8000:8000"]
