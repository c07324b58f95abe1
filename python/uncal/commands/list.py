"""List: the plugins of each kind, with one line about each."""

import ast
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from uncal import plugins
from uncal.question_sets import SETS


def plugins_of(kind: str) -> list[dict[str, Any]]:
    """Describe the plugins of one kind; none of what they need is imported, scorers, rewards and objectives excepted.

    Returns
    -------
    list of dict
        `kind`, `name` and `summary` of each; for a scorer also `needs` (with default settings), `needs_with` (with
        other choices of one setting, where they change them: "similarity=jaccard" -> columns), `range`, `unit`,
        `source`, `cost`, and `settings`: the default of each, and its choices where it has some. For a calibrator
        `takes`, `monotone`, `source` and `settings`. For a reward `order`, `format`, `needs`, `proper` (with default
        settings), `source` and `settings`; for an objective `order`, `needs` and `settings`.
    """
    described = []
    for name in plugins.names(kind):
        source = _class(kind, name)
        summary = (ast.get_docstring(source) or "").partition("\n")[0]
        row: dict[str, Any] = {"kind": kind, "name": name, "summary": summary}
        if kind == "calibrators":
            said = {"takes": "score", "monotone": True} | _constants(source)
            row |= {name: said[name] for name in ("takes", "monotone", "source")} | {"settings": _parameters(source)}
        if kind == "scorers":
            scorer = plugins.make(kind, name, {})
            settings = _settings(scorer)
            row |= {
                "needs": sorted(scorer.needs),
                "needs_with": _needs_with(name, scorer.needs, settings),
                "range": scorer.range,
                "unit": scorer.unit,
                "source": scorer.source,
                "cost": scorer.cost,
                "settings": settings,
            }
        if kind == "rewards":
            reward = plugins.make(kind, name, {})
            row |= {key: getattr(reward, key) for key in ("order", "format", "proper", "source")}
            row |= {"needs": sorted(reward.needs), "settings": _settings(reward)}
        if kind == "objectives":
            known = {"names": ("target_match",)} if name == "reinforce" else {}
            objective = plugins.make(kind, name, known)
            row |= {"order": objective.order, "needs": sorted(objective.needs), "settings": _settings(objective)}
        described.append(row)
    return described


def question_sets() -> list[dict[str, Any]]:
    """Describe the question sets that are known: `name`, `hub`, `subset`, `split`, `grader`, `licence`, `citation`."""
    return [
        {
            "kind": "question sets",
            "name": name,
            "summary": f"{known.hub}, {known.subset or 'its only subset'}, split {known.split}; for {known.grader}",
            **{key: getattr(known, key) for key in ("hub", "subset", "split", "grader", "licence", "citation")},
        }
        for name, known in SETS.items()
    ]


def _settings(plugin: Any) -> dict[str, dict[str, Any]]:
    hints = get_type_hints(type(plugin))
    settings = {}
    for field in fields(plugin):
        hint = hints[field.name]
        choices = {"choices": list(get_args(hint))} if get_origin(hint) is Literal else {}
        settings[field.name] = {"default": getattr(plugin, field.name), **choices}
    return settings


def _needs_with(name: str, usual: frozenset[str], settings: dict[str, dict[str, Any]]) -> dict[str, list[str]]:
    needed = {
        f"{setting}={choice}": sorted(plugins.make("scorers", name, {setting: choice}).needs)
        for setting, described in settings.items()
        for choice in described.get("choices", ())
    }
    return {how: needs for how, needs in needed.items() if needs != sorted(usual)}


def _class(kind: str, name: str) -> ast.ClassDef:
    """Class of a plugin, read from its source: scikit-learn takes seconds to import."""
    found = find_spec(f"uncal.{kind}.{name}")
    assert found is not None
    assert found.origin is not None
    tree = ast.parse(Path(found.origin).read_text(encoding="utf-8"))
    return next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == plugins.class_name(name))


def _constants(source: ast.ClassDef) -> dict[str, Any]:
    """Class variables that are written out."""
    return {
        node.target.id: node.value.value
        for node in source.body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and isinstance(node.value, ast.Constant)
    }


def _parameters(source: ast.ClassDef) -> dict[str, dict[str, Any]]:
    """Read the settings of an estimator: the default of each, and its choices where all are text."""
    init = next((node for node in source.body if isinstance(node, ast.FunctionDef) and node.name == "__init__"), None)
    if init is None:
        return {}
    settings: dict[str, dict[str, Any]] = {}
    for argument, default in zip(init.args.args[1:], init.args.defaults, strict=True):
        settings[argument.arg] = {"default": ast.literal_eval(default)}
        hint = argument.annotation
        if isinstance(hint, ast.Subscript) and ast.unparse(hint.value) == "Literal":
            choices = ast.literal_eval(hint.slice)
            settings[argument.arg]["choices"] = list(choices) if isinstance(choices, tuple) else [choices]
    return settings


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
        if "licence" in row:
            lines.append(f"  {'':<{width}}  licence {row['licence']}")
            lines.append(f"  {'':<{width}}  cite {row['citation']}")
        if "order" in row:
            holds = ", ".join(row[key] for key in ("order", "format") if key in row)
            lines.append(f"  {'':<{width}}  needs {', '.join(row['needs']) or 'nothing'}; {holds}")
        if "proper" in row:
            lines.append(f"  {'':<{width}}  {'' if row['proper'] else 'not '}proper; {row['source']}")
        if "needs_with" in row:
            needs = "".join([", ".join(row["needs"]), *(f"; {what} with {how}" for what, how in _by_needs(row))])
            lines.append(f"  {'':<{width}}  needs {needs}")
            lines.append(f"  {'':<{width}}  {row['range']} {row['unit']}; {row['source']}")
            lines.append(f"  {'':<{width}}  cost {row['cost']}")
        if "takes" in row:
            takes = {"score": "any score", "confidence": "confidences in [0, 1]"}[row["takes"]]
            monotone = "monotone" if row["monotone"] else "not monotone"
            lines.append(f"  {'':<{width}}  takes {takes}; {monotone}; {row['source']}")
        if row.get("settings"):
            settings = [
                f"{name}={'|'.join(setting['choices']) if 'choices' in setting else _short(setting['default'])}"
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


def _short(value: Any) -> str:
    """Write a value on one line, the beginning of a long one."""
    text = " ".join(str(value).split()) if isinstance(value, str) and value.strip() else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
