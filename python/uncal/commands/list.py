"""List: the plugins of each kind, with one line about each."""

import ast
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from uncal import plugins


def plugins_of(kind: str) -> list[dict[str, Any]]:
    """Describe the plugins of one kind; none of what they need is imported, scorers excepted.

    Returns
    -------
    list of dict
        `kind`, `name` and `summary` of each; for a scorer also `needs` (with default settings), `needs_with` (with
        other choices of one setting, where they change them: "similarity=jaccard" -> columns), `range`, `unit`,
        `source`, and `settings`: the default of each, and its choices where it has some.
    """
    described = []
    for name in plugins.names(kind):
        row: dict[str, Any] = {"kind": kind, "name": name, "summary": _summary(kind, name)}
        if kind == "scorers":
            scorer = plugins.make(kind, name, {})
            settings = _settings(scorer)
            row |= {
                "needs": sorted(scorer.needs),
                "needs_with": _needs_with(name, scorer.needs, settings),
                "range": scorer.range,
                "unit": scorer.unit,
                "source": scorer.source,
                "settings": settings,
            }
        described.append(row)
    return described


def _settings(scorer: Any) -> dict[str, dict[str, Any]]:
    hints = get_type_hints(type(scorer))
    settings = {}
    for field in fields(scorer):
        hint = hints[field.name]
        choices = {"choices": list(get_args(hint))} if get_origin(hint) is Literal else {}
        settings[field.name] = {"default": getattr(scorer, field.name), **choices}
    return settings


def _needs_with(name: str, usual: frozenset[str], settings: dict[str, dict[str, Any]]) -> dict[str, list[str]]:
    needed = {
        f"{setting}={choice}": sorted(plugins.make("scorers", name, {setting: choice}).needs)
        for setting, described in settings.items()
        for choice in described.get("choices", ())
    }
    return {how: needs for how, needs in needed.items() if needs != sorted(usual)}


def _summary(kind: str, name: str) -> str:
    """First line of the class's docstring, read from the source."""
    found = find_spec(f"uncal.{kind}.{name}")
    assert found is not None
    assert found.origin is not None
    for node in ast.parse(Path(found.origin).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and node.name == plugins.class_name(name):
            return (ast.get_docstring(node) or "").partition("\n")[0]
    return ""


def as_text(rows: list[dict[str, Any]]) -> str:
    """Write descriptions as aligned lines, a block for each kind."""
    lines: list[str] = []
    width = max((len(row["name"]) for row in rows), default=0)
    kind = None
    for row in rows:
        if row["kind"] != kind:
            kind = row["kind"]
            lines += [*([""] if lines else []), kind]
        lines.append(f"  {row['name']:<{width}}  {row['summary']}")
        if "needs" in row:
            needs = "".join([", ".join(row["needs"]), *(f"; {what} with {how}" for what, how in _by_needs(row))])
            lines.append(f"  {'':<{width}}  needs {needs}")
            lines.append(f"  {'':<{width}}  {row['range']} {row['unit']}; {row['source']}")
        if row.get("settings"):
            settings = [
                f"{name}={'|'.join(setting['choices']) if 'choices' in setting else setting['default']}"
                for name, setting in row["settings"].items()
            ]
            lines.append(f"  {'':<{width}}  settings {' '.join(settings)}")
    return "\n".join(lines)


def _by_needs(row: dict[str, Any]) -> list[tuple[str, str]]:
    """Columns that choices of a setting need, and those choices."""
    found: dict[str, list[str]] = {}
    for how, needs in row["needs_with"].items():
        found.setdefault(", ".join(needs), []).append(how)
    return [(what, " or ".join(hows)) for what, hows in found.items()]
