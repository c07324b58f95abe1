"""A folder is a registry: ``scorers/dispersion.py`` holds ``Dispersion``, and "dispersion" is its name everywhere."""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from importlib import import_module
from inspect import Parameter, signature
from pkgutil import iter_modules
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from uncal.errors import ConfigError, MissingExtraError, UnknownPluginError

KINDS = ("backends", "embedders", "entailers", "graders", "scorers", "calibrators", "rewards", "objectives")
PARTS = {"backend": ("backends", "transformers"), "embedder": ("embedders", "sentence_transformers")}
"""Fields of plugins that are plugins of another kind: which kind, and the one that is taken unless set."""


def names(kind: str) -> list[str]:
    """Names of the plugins of one kind.

    Examples
    --------
    >>> "von_neumann_entropy" in names("scorers")
    True
    """
    package = import_module(f"uncal.{kind}")
    return sorted(m.name for m in iter_modules(package.__path__) if m.name[0] != "_")


def class_name(name: str) -> str:
    """Name of the class that a plugin's file holds.

    Examples
    --------
    >>> class_name("von_neumann_entropy")
    'VonNeumannEntropy'
    """
    return name.title().replace("_", "")


def load(kind: str, name: str) -> type[Any]:
    """Class of a plugin; "their_package.module:Class" reaches outside uncal.

    Raises
    ------
    UnknownPluginError
        If there is no such plugin.
    MissingExtraError
        If a package that the plugin imports is not installed.
    """
    module, _, attribute = name.partition(":")
    if not attribute:
        if name not in names(kind):
            raise UnknownPluginError(f"no {name!r} in uncal.{kind}; there are {', '.join(names(kind))}")
        module, attribute = f"uncal.{kind}.{name}", class_name(name)
    try:
        plugin: type[Any] = getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        if error.name == module or (error.name and module.startswith(f"{error.name}.")):
            raise UnknownPluginError(f"no module {error.name!r} for the {kind} plugin {name!r}") from error
        raise MissingExtraError(
            f"{kind} plugin {name!r} needs the package {error.name!r}; `uncal doctor` says what installs it"
        ) from error
    except AttributeError as error:
        raise UnknownPluginError(f"module {module!r} has no {attribute!r} (the {kind} plugin {name!r})") from error
    return plugin


def make(kind: str, name: str, settings: dict[str, Any]) -> Any:
    """Make a plugin with settings, which are its fields.

    Raises
    ------
    ConfigError
        If a setting is not a field of the plugin, or has a value that it refuses.
    """
    plugin = load(kind, name)
    known = _known(plugin)
    for setting in settings:
        if known is not None and setting not in known:
            raise ConfigError(f"{name!r} has no setting {setting!r}; it has {', '.join(known) or 'none'}")
    if is_dataclass(plugin):
        for setting, choices in _choices(plugin).items():
            if setting in settings and settings[setting] not in choices:
                allowed = ", ".join(str(choice) for choice in choices if choice is not None)
                raise ConfigError(
                    f"{kind} plugin {name!r}: {setting} is {settings[setting]!r}; it must be one of {allowed}"
                )
    try:
        return plugin(**settings)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{kind} plugin {name!r}: {error}") from error


def make_whole(kind: str, name: str, settings: Mapping[str, Any]) -> Any:
    """Make a plugin, and the plugin of another kind that it asks, where it has the field `backend` or `embedder`.

    Parameters
    ----------
    kind, name : str
    settings : mapping
        The plugin's own; for one with such a field the other's name besides ("transformers" and
        "sentence_transformers" unless set), and the other's settings.

    Examples
    --------
    >>> make_whole("embedders", "hashing", {"dim": 64})
    Hashing(dim=64)
    """
    plugin = load(kind, name)
    known = _known(plugin) or []
    part = next((part for part in PARTS if part in known), None)
    if part is None or not isinstance(settings.get(part, ""), str):
        return make(kind, name, dict(settings))
    others, usual = PARTS[part]
    theirs = {setting: value for setting, value in settings.items() if setting not in known}
    mine = {setting: value for setting, value in settings.items() if setting in known}
    return make(kind, name, mine | {part: make(others, mine.get(part, usual), theirs)})


def _known(plugin: type[Any]) -> list[str] | None:
    """Names of the settings of a dataclass or an estimator; None if it takes any."""
    if is_dataclass(plugin):
        return [field.name for field in fields(plugin) if field.init]
    parameters = signature(plugin).parameters.values()
    if any(parameter.kind is Parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return [parameter.name for parameter in parameters]


def _choices(plugin: type[Any]) -> dict[str, tuple[Any, ...]]:
    """Values that fields typed `Literal`, or `Literal` or None, may have."""
    try:
        hints = get_type_hints(plugin)
    except NameError:  # of a type that is imported for type checkers only
        return {}
    choices = {}
    for name, hint in hints.items():
        members = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
        if all(get_origin(member) is Literal or member is NoneType for member in members):
            choices[name] = tuple(value for member in members for value in get_args(member) or (None,))
    return choices


def lazy_exports(kind: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and ``__dir__`` of a kind's package: its classes, imported when first asked for."""
    package = f"uncal.{kind}"

    def classes() -> dict[str, str]:
        return {class_name(name): name for name in names(kind)}

    def getattribute(attribute: str) -> Any:
        if attribute in classes():
            return load(kind, classes()[attribute])
        raise AttributeError(f"module {package!r} has no attribute {attribute!r}")

    def directory() -> list[str]:
        return sorted(["make", *classes()])

    return getattribute, directory
