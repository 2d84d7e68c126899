"""The import law of docs/architecture.md: who may import whom, held by a walk over every import in the source."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "cds_service"


class Permit(Enum):
    """How much of a room another may import, where it is not a set of named modules."""

    ALL = "all of it"
    TYPES = "its classes and type aliases, to say what it is handed"


ALL, TYPES = Permit.ALL, Permit.TYPES
# The frozen values that every dialect reads into or writes from; not the rules that judge them.
VALUES = frozenset({"chart", "dialect", "dose", "findings", "remedy", "therapy"})

# A room is a package or module right under cds_service; what a row does not name, it may not import.
ROOMS: Mapping[str, Mapping[str, Permit | frozenset[str]]] = {
    # the roof: nobody below imports it
    "__init__": {"app": ALL},
    "__main__": {"cli": ALL},
    "cli": dict.fromkeys(
        "server app settings clients profiles web advice hooks mapping clinical knowledge access bench verify _fixtures".split(),
        ALL,
    ),
    "server": {"app": ALL, "settings": ALL, "hooks": ALL},
    "app": dict.fromkeys(
        "settings profiles trust web advice feedback hooks mapping clinical knowledge access bench metrics".split(), ALL
    ),
    "settings": {"clinical": frozenset({"dialect"}), "profiles": ALL},
    "clients": {"settings": ALL, "profiles": ALL, "access": ALL, "clinical": frozenset({"dialect"})},
    "trust": {"settings": ALL, "clients": ALL, "access": ALL},
    "profiles": {"clinical": frozenset({"dialect"})},
    # the table, row by row
    "web": {"advice": ALL, "hooks": ALL, "knowledge": TYPES, "access": TYPES, "metrics": ALL},
    "advice": {"hooks": ALL, "mapping": ALL, "clinical": ALL, "knowledge": TYPES, "access": ALL},
    "feedback": {"hooks": ALL, "access": ALL},
    "hooks": {"clinical": VALUES},
    "mapping": {"clinical": VALUES},
    "clinical": {},
    "knowledge": {"mapping": frozenset({"terminology"}), "clinical": ALL},
    "access": {
        "hooks": frozenset({"request"}),
        "mapping": frozenset({"bundle", "reads"}),
        "clinical": frozenset({"dialect"}),
    },
    # leaves: they need nobody
    "bench": {},
    "verify": {},
    "metrics": {},
    "_fixtures": {},
}

# Distributions of others that only some rooms may import.
OUTSIDE: Mapping[str, frozenset[str]] = {
    "flask": frozenset({"web", "app"}),
    "werkzeug": frozenset({"web", "app"}),
    "requests": frozenset({"access", "cli", "verify"}),
    "urllib3": frozenset({"access", "cli"}),
    "joserfc": frozenset({"access", "verify"}),
    "fhir": frozenset({"mapping", "cli"}),
    "jsonschema": frozenset({"knowledge", "cli", "verify"}),
    "sqlalchemy": frozenset({"access"}),
    "alembic": frozenset({"access"}),
}

# `clinical` is pure: of others' code it needs msgspec alone, and of the standard library nothing that reaches out.
REACHING_OUT = frozenset(
    "asyncio builtins concurrent ctypes fcntl ftplib glob http importlib io locale logging mmap multiprocessing os "
    "pathlib pickle platform queue random secrets select selectors shelve shutil signal smtplib socket sqlite3 ssl "
    "subprocess sys tempfile threading time urllib uuid zoneinfo".split()
)
CLOCK = frozenset({"now", "today", "utcnow"})
DOORS = frozenset({"__import__", "breakpoint", "eval", "exec", "input", "open", "print"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One name that one module imports from another, as dotted module names; `name` is empty for a whole module."""

    line: int
    target: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One source file, parsed, with what it imports."""

    name: str
    path: Path
    tree: ast.Module
    imports: tuple[Import, ...] = ()


def read_package(root: Path) -> dict[str, Module]:
    """Every module under `root` by its dotted name, imports resolved to modules wherever they name one."""
    trees: dict[str, tuple[Path, ast.Module]] = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        trees[name] = (path, ast.parse(path.read_text(encoding="utf-8"), str(path)))
    return {
        name: Module(name=name, path=path, tree=tree, imports=tuple(_imports(name, path, tree, trees)))
        for name, (path, tree) in trees.items()
    }


def _imports(name: str, path: Path, tree: ast.Module, known: Mapping[str, object]) -> Iterator[Import]:
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):  # also in functions and under TYPE_CHECKING: knowing a name is knowing its room
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(line=node.lineno, target=alias.name)
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                source = ".".join([*above, *([source] if source else [])])
            for alias in node.names:
                whole = f"{source}.{alias.name}"
                if whole in known:
                    yield Import(line=node.lineno, target=whole)
                else:
                    yield Import(line=node.lineno, target=source, name=alias.name)


def room_of(module: str) -> str:
    """The room that a module lies in; `__init__` for the front door itself."""
    return [*module.split("."), "__init__"][1]


def law_breaches(modules: Mapping[str, Module]) -> list[str]:
    """What the law forbids, one sentence for each, in the order of the files."""
    return [breach for module in modules.values() for breach in _breaches(module, modules)]


def _breaches(module: Module, modules: Mapping[str, Module]) -> Iterator[str]:
    room = room_of(module.name)
    if room not in ROOMS:
        yield f"{module.name}: belongs to no room of the law"
        return
    for imported in module.imports:
        where = f"{module.name}:{imported.line}"
        distribution = imported.target.split(".")[0]
        if distribution == "cds_service":
            if not _allowed(room, imported, modules):
                what = f"{imported.target}.{imported.name}".rstrip(".")
                yield f"{where}: {room} may not import {what}"
        elif distribution in OUTSIDE and room not in OUTSIDE[distribution]:
            yield f"{where}: {room} may not import {distribution}"
        elif room == "clinical" and not _pure(distribution):
            yield f"{where}: clinical reaches out with {imported.target}"
    if room == "clinical":
        yield from _impurities(module)


def _allowed(room: str, imported: Import, modules: Mapping[str, Module]) -> bool:
    target = room_of(imported.target)
    if target == room:
        return room != "__init__"
    permit = ROOMS[room].get(target)
    if permit is None or permit is ALL:
        return permit is ALL
    if permit is TYPES:
        return _is_type(imported.target, imported.name, modules)
    assert isinstance(permit, frozenset)
    return imported.target.split(".")[2:3] != [] and imported.target.split(".")[2] in permit


def _is_type(target: str, name: str, modules: Mapping[str, Module]) -> bool:
    """Whether `name` is bound in `target`, or where `target` has it from, by `class` or as a type alias."""
    module = modules.get(target)
    if module is None:
        return False
    for node in module.tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return True
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == name:
            return ast.unparse(node.annotation).endswith("TypeAlias")
    return any(_is_type(i.target, name, modules) for i in module.imports if i.name == name)


def _pure(distribution: str) -> bool:
    if distribution in sys.stdlib_module_names:
        return distribution not in REACHING_OUT
    return distribution == "msgspec"


def _impurities(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and node.attr in CLOCK:
            yield f"{module.name}:{node.lineno}: clinical asks the clock with {ast.unparse(node)}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in DOORS:
            yield f"{module.name}:{node.lineno}: clinical reaches out with {node.func.id}()"


def find_circle(modules: Mapping[str, Module]) -> list[str]:
    """The modules of one circle of imports, the first again at the end; empty where there is none.

    Importing `a.b.c` also runs `a` and `a.b`, so these count, save those that the importer lies in itself.
    """
    graph: dict[str, set[str]] = {}
    for module in modules.values():
        needed = graph.setdefault(module.name, set())
        for imported in module.imports:
            parts = imported.target.split(".")
            for depth in range(1, len(parts) + 1):
                above = ".".join(parts[:depth])
                if above in modules and (above == imported.target or not f"{module.name}.".startswith(f"{above}.")):
                    needed.add(above)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        return circle
    return []


# The law over the project


def test_every_import_keeps_the_law() -> None:
    modules = read_package(PACKAGE)
    assert {room_of(name) for name in modules} >= {"hooks", "mapping", "clinical", "knowledge", "access"}
    assert law_breaches(modules) == []


def test_no_module_imports_itself_by_a_detour() -> None:
    assert find_circle(read_package(PACKAGE)) == []


# The walk itself, on sources made to break the law


def read_sources(folder: Path, sources: Mapping[str, str]) -> dict[str, Module]:
    """The modules of a small cds_service written into `folder`, by path under the package."""
    root = folder / "cds_service"
    for name, source in {"__init__.py": "", **sources}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    return read_package(root)


@pytest.mark.parametrize(
    ("file", "source", "breach"),
    [
        ("hooks/cards.py", "from ..mapping import bundle", "1: hooks may not import cds_service.mapping.bundle"),
        ("hooks/cards.py", "import cds_service.mapping.bundle", "1: hooks may not import cds_service.mapping.bundle"),
        (
            "hooks/cards.py",
            "from ..clinical.judge import judge",
            "1: hooks may not import cds_service.clinical.judge.judge",
        ),
        ("hooks/cards.py", "from .. import create_app", "1: hooks may not import cds_service.create_app"),
        (
            "mapping/chart.py",
            "from ..hooks.request import Request",
            "1: mapping may not import cds_service.hooks.request.Request",
        ),
        ("mapping/chart.py", "import requests", "1: mapping may not import requests"),
        (
            "access/fhir.py",
            "from ..mapping.products import Product",
            "1: access may not import cds_service.mapping.products.Product",
        ),
        ("web.py", "from .access.fhir import read", "1: web may not import cds_service.access.fhir.read"),
        ("web.py", "from .access import fhir", "1: web may not import cds_service.access.fhir"),
        ("web.py", "from .app import create_app", "1: web may not import cds_service.app.create_app"),
        ("advice.py", "import flask", "1: advice may not import flask"),
        ("advice.py", "from .settings import Settings", "1: advice may not import cds_service.settings.Settings"),
        (
            "knowledge/loader.py",
            "from ..mapping.reads import READS",
            "1: knowledge may not import cds_service.mapping.reads.READS",
        ),
        ("knowledge/loader.py", "from fhir.resources import patient", "1: knowledge may not import fhir"),
        (
            "clinical/dose.py",
            "from ..knowledge import loader",
            "1: clinical may not import cds_service.knowledge.loader",
        ),
        ("clinical/dose.py", "import os.path", "1: clinical reaches out with os.path"),
        ("clinical/dose.py", "import structlog", "1: clinical reaches out with structlog"),
        ("clinical/dose.py", "import flask", "1: clinical may not import flask"),
        (
            "clinical/dose.py",
            "import datetime as dt\nx = dt.date.today()",
            "2: clinical asks the clock with dt.date.today",
        ),
        (
            "clinical/dose.py",
            "import datetime as dt\nx = map(dt.datetime.now, ())",
            "2: clinical asks the clock with dt.datetime.now",
        ),
        ("clinical/dose.py", "x = open('rules')", "1: clinical reaches out with open()"),
        ("clinical/kinds/pair.py", "from ...hooks import cards", "1: clinical may not import cds_service.hooks.cards"),
        ("clinical/dose.py", "def f():\n    from .. import hooks", "2: clinical may not import cds_service.hooks"),
        (
            "clinical/dose.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ..hooks.cards import Card",
            "3: clinical may not import cds_service.hooks.cards.Card",
        ),
        ("helpers.py", "", " belongs to no room of the law"),
    ],
)
def test_a_forbidden_import_is_named(tmp_path: Path, file: str, source: str, breach: str) -> None:
    rooms = {
        "app.py": "",
        "settings.py": "",
        "hooks/__init__.py": "",
        "hooks/cards.py": "",
        "mapping/__init__.py": "",
        "mapping/bundle.py": "",
        "access/__init__.py": "",
        "access/fhir.py": "class Reader: ...\ndef read(): ...",
        "clinical/__init__.py": "",
        "clinical/judge.py": "",
        "knowledge/__init__.py": "",
        "knowledge/loader.py": "",
    }
    module = file.removesuffix(".py").replace("/", ".")
    assert law_breaches(read_sources(tmp_path, rooms | {file: source})) == [f"cds_service.{module}:{breach}"]


def test_what_the_table_allows_is_no_breach(tmp_path: Path) -> None:
    sources = {
        "__init__.py": "from .app import create_app",
        "app.py": "import flask\nfrom . import settings, web",
        "settings.py": "from .clinical.dialect import Dialect",
        "web.py": "import flask\nfrom .advice import Adviser\nfrom .access import Reader",
        "advice.py": "from .access.fhir import read\nfrom .clinical import judge\nfrom .knowledge import Knowledge",
        "access/__init__.py": "from .fhir import Reader",
        "access/fhir.py": "import requests\nfrom ..mapping.bundle import Listing\nclass Reader: ...",
        "mapping/bundle.py": "from ..clinical.therapy import Therapy",
        "knowledge/__init__.py": "from typing import TypeAlias\nKnowledge: TypeAlias = tuple[str, ...]",
        "clinical/judge.py": "import datetime as dt\nimport msgspec\nfrom .therapy import Therapy",
        "clinical/therapy.py": "",
        "clinical/dialect.py": "",
    }
    modules = read_sources(tmp_path, sources)
    assert law_breaches(modules) == []
    assert find_circle(modules) == []


def test_a_circle_inside_a_room_is_found(tmp_path: Path) -> None:
    sources = {"clinical/__init__.py": "", "clinical/a.py": "from . import b", "clinical/b.py": "from .a import x"}
    circle = find_circle(read_sources(tmp_path, sources))
    assert set(circle) == {"cds_service.clinical.a", "cds_service.clinical.b"}


def test_a_circle_by_way_of_a_package_that_runs_its_modules_is_found(tmp_path: Path) -> None:
    # importing kinds.pair runs kinds/__init__, which runs kinds.single, which needs the importer
    sources = {
        "clinical/__init__.py": "",
        "clinical/timeline.py": "from .kinds.pair import Pair",
        "clinical/kinds/__init__.py": "from .single import Single",
        "clinical/kinds/single.py": "from ..timeline import x",
        "clinical/kinds/pair.py": "",
    }
    circle = find_circle(read_sources(tmp_path, sources))
    assert set(circle) == {
        "cds_service.clinical.timeline",
        "cds_service.clinical.kinds",
        "cds_service.clinical.kinds.single",
    }
