"""The shipped profiles: what Epic and others want otherwise, by name, and what one site changes in them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

import msgspec

from .clinical.dialect import Dialect


class ProfileError(ValueError):
    """A profile that does not exist, or a setting of one that cannot be, in one line without the value that was given."""


@cache
def shipped() -> Mapping[str, Dialect]:
    """Every shipped profile by its name, in the order of `profiles.toml`, whose comments name the reason of each setting.

    Raises ProfileError with name and key where the file is wrong.
    """
    tables = tomllib.loads(files(__package__).joinpath("profiles.toml").read_text(encoding="utf-8"))
    return {
        name: with_changes(Dialect(name=name), table, where=f"profiles.toml: {name}") for name, table in tables.items()
    }


def dialect_named(name: str) -> Dialect:
    """The dialect of a shipped profile. Raises ProfileError, with the nearest name, for one that does not exist."""
    profiles = shipped()
    if name in profiles:
        return profiles[name]
    wanted = name.strip().casefold().replace("_", "-").replace(" ", "-")
    near = [known for known in profiles if known in wanted or (wanted and wanted in known)]
    near = near or get_close_matches(wanted, profiles, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(profiles)}"
    raise ProfileError(f"there is no such profile; {hint}")


def with_changes(dialect: Dialect, changes: Mapping[str, object], *, where: str) -> Dialect:
    """The dialect with what a table of TOML changes in it; lists replace, they are not added to.

    Raises ProfileError with `where` and the key for a key that does not exist or a value that cannot be.
    """
    known = [field for field in Dialect.__struct_fields__ if field != "name"]
    for key in changes:
        if key not in known:
            near = get_close_matches(key, known, n=1)
            raise ProfileError(f"{where}: there is no such setting" + (f"; did you mean {near[0]}?" if near else ""))
    try:
        read = msgspec.convert(dict(changes), Dialect)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `$.")
        # What stands in the file is not repeated: msgspec would, for a closed list.
        message = "not one of the values that it may have" if message.startswith("Invalid enum value") else message
        raise ProfileError(f"{where}.{place.rstrip('`')}: {message}") from None
    if not read.hooks:
        raise ProfileError(f"{where}.hooks: a client calls one hook at least")
    return msgspec.structs.replace(dialect, **{key: getattr(read, key) for key in changes})


def never_offered(dialects: Iterable[Dialect]) -> dict[str, str]:
    """What `/health/ready` says of lists that clients never have: by profile in one line; nothing where there is none."""
    lines = {
        f"{dialect.name}: {', '.join(sorted(dialect.never_offers))}" for dialect in dialects if dialect.never_offers
    }
    return {"neverOffered": "; ".join(sorted(lines))} if lines else {}
