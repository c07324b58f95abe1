"""A frozen dataclass is a set of flags, a TOML table and a page of docs at once."""

import argparse
import difflib
import re
import tomllib
import types
from collections.abc import Collection, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from uncal.errors import ConfigError


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file; `ConfigError` if it is missing or not TOML."""
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError as error:
        raise ConfigError(f"no file {path}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error


def docs(cls: type) -> dict[str, str]:
    """Read what the docstring of a dataclass says of each attribute.

    Examples
    --------
    >>> from uncal.types import Sampling
    >>> docs(Sampling)["n"]
    'Completions of each prompt.'
    """
    _, _, section = (cls.__doc__ or "").partition("Attributes\n")
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in section.splitlines()[1:]:
        if match := re.match(r"    (\w+) :", line):
            current = found.setdefault(match[1], [])
        elif line.strip():
            current.append(line.strip())
    return {name: " ".join(lines) for name, lines in found.items()}


def build(cls: type, table: Mapping[str, Any], where: str) -> Any:
    """Make a dataclass from a table of settings.

    Raises
    ------
    ConfigError
        If a setting is unknown, missing or of the wrong type; `where` says what the table is.
    """
    hints = get_type_hints(cls)
    known = {field.name: field for field in fields(cls) if field.init}
    values = {}
    for name, value in table.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
            raise ConfigError(f"{where}: no setting {name!r}; {hint}")
        values[name] = _fitted(hints[name], value, f"{where}: {name}")
    for name, field in known.items():
        if name not in values and field.default is MISSING and field.default_factory is MISSING:
            raise ConfigError(f"{where}: setting {name!r} is missing")
    return cls(**values)


def add_flags(parser: argparse.ArgumentParser, cls: type, title: str = "settings", but: Collection[str] = ()) -> None:
    """Give a parser a flag for each field, `but` some; flags that are not typed leave nothing behind."""
    hints, texts = get_type_hints(cls), docs(cls)
    group = parser.add_argument_group(title)
    for field in fields(cls):
        if not field.init or field.name in but:
            continue
        kind, _ = _without_none(hints[field.name])
        default = "" if field.default in (MISSING, None) else f" [{_short(field.default)}]"
        options: dict[str, Any] = {
            "dest": field.name,
            "default": argparse.SUPPRESS,
            "help": (texts.get(field.name, "") + default).replace("%", "%%"),
        }
        flag = f"--{field.name.replace('_', '-')}"
        if kind is bool:
            group.add_argument(flag, action=argparse.BooleanOptionalAction, **options)
        elif get_origin(kind) is tuple:
            members = get_args(kind)
            count: Any = "+" if members[-1] is Ellipsis else len(members)
            group.add_argument(flag, nargs=count, type=members[0], metavar=members[0].__name__.upper(), **options)
        elif _is_mapping(kind):
            group.add_argument(flag, nargs="+", action=_KeyValue, metavar="KEY=VALUE", **options)
        else:
            group.add_argument(flag, type=kind, metavar=kind.__name__.upper(), **options)


class _KeyValue(argparse.Action):
    """Collect KEY=VALUE pairs; a value is read as TOML where it is TOML, as True or False, else as text."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        table = dict(getattr(namespace, self.dest, None) or {})
        for pair in values:
            key, equals, value = pair.partition("=")
            if not equals or not key:
                parser.error(f"argument {option_string}: {pair!r} is not KEY=VALUE")
            try:
                table[key] = tomllib.loads(f"value = {value}")["value"]
            except tomllib.TOMLDecodeError:
                table[key] = {"True": True, "False": False}.get(value, value)
        setattr(namespace, self.dest, table)


def _short(default: object) -> str:
    if isinstance(default, tuple):
        return " ".join(map(str, default))
    text = str(default).replace("\n", " ")
    return text if len(text) <= 60 else f"{text[:57]}..."


def _is_mapping(kind: Any) -> bool:
    origin = get_origin(kind) or kind
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _without_none(kind: Any) -> tuple[Any, bool]:
    """Return the type itself, and whether None is allowed besides."""
    if get_origin(kind) in (Union, types.UnionType):
        members = [member for member in get_args(kind) if member is not type(None)]
        return members[0], len(members) < len(get_args(kind))
    return kind, False


def _fitted(kind: Any, value: Any, where: str) -> Any:
    """Return a value of TOML or of a flag as its field wants it."""
    kind, optional = _without_none(kind)
    if value is None and optional:
        return None
    if get_origin(kind) is tuple:
        members = get_args(kind)
        if not isinstance(value, list | tuple) or (members[-1] is not Ellipsis and len(value) != len(members)):
            wanted = "a list" if members[-1] is Ellipsis else f"a list of {len(members)}"
            raise ConfigError(f"{where} is {value!r}; it must be {wanted}")
        return tuple(_fitted(members[0], member, where) for member in value)
    if _is_mapping(kind):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where} is {value!r}; it must be a table")
        return dict(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ConfigError(f"{where} is {value!r}; it must be of type {kind.__name__}")
    return value
