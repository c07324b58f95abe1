"""Dataclasses as TOML tables and flags."""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from uncal import settings
from uncal.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Config:
    """Settings of a test.

    Attributes
    ----------
    model : str
    rate : float, default=0.5
        Share of 100 %.
    names : tuple of str, default=("a",)
    pair : tuple of two int, default=(1, 2)
    limit : int or None, default=None
        At most so many,
        over two lines.
    deep : bool, default=False
    more : mapping, default={}
    """

    model: str
    rate: float = 0.5
    names: tuple[str, ...] = ("a",)
    pair: tuple[int, int] = (1, 2)
    limit: int | None = None
    deep: bool = False
    more: Mapping[str, Any] = field(default_factory=dict)


def test_a_table_becomes_a_config_with_fitting_types() -> None:
    made = settings.build(Config, {"model": "m", "rate": 1, "names": ["x", "y"], "pair": [3, 4], "more": {"k": 1}}, "t")
    assert made == Config(model="m", rate=1.0, names=("x", "y"), pair=(3, 4), more={"k": 1})
    assert type(made.rate) is float


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "t: setting 'model' is missing"),
        ({"model": "m", "rat": 1}, "t: no setting 'rat'; did you mean 'rate'"),
        ({"model": "m", "zzz": 1}, "t: no setting 'zzz'; there are model, rate, names"),
        ({"model": 3}, "t: model is 3; it must be of type str"),
        ({"model": "m", "rate": "0.5"}, "t: rate is '0.5'; it must be of type float"),
        ({"model": "m", "rate": True}, "t: rate is True; it must be of type float"),
        ({"model": "m", "names": "x"}, "t: names is 'x'; it must be a list"),
        ({"model": "m", "pair": [1]}, r"t: pair is \[1\]; it must be a list of 2"),
        ({"model": "m", "limit": 1.5}, "t: limit is 1.5; it must be of type int"),
        ({"model": "m", "more": 3}, "t: more is 3; it must be a table"),
    ],
)
def test_a_wrong_table_is_one_error_that_names_the_setting(table: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        settings.build(Config, table, "t")


def flags(*arguments: str) -> dict[str, Any]:
    parser = argparse.ArgumentParser()
    settings.add_flags(parser, Config)
    return vars(parser.parse_args(arguments))


def test_only_flags_that_were_typed_are_there() -> None:
    assert flags() == {}
    assert flags("--model", "m", "--names", "x", "y", "--pair", "3", "4", "--deep", "--limit", "7") == {
        "model": "m",
        "names": ["x", "y"],
        "pair": [3, 4],
        "deep": True,
        "limit": 7,
    }


def test_pairs_are_read_as_toml_where_they_are_toml() -> None:
    assert flags("--more", "a=1", "b=true", "c=path/to", 'd="x y"', "e=[1, 2]")["more"] == {
        "a": 1,
        "b": True,
        "c": "path/to",
        "d": "x y",
        "e": [1, 2],
    }


def test_a_pair_without_an_equals_sign_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        flags("--more", "a")
    assert exit_.value.code == 2
    assert "'a' is not KEY=VALUE" in capsys.readouterr().err


def test_help_is_the_docstring(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        flags("--help")
    shown = " ".join(capsys.readouterr().out.split())
    assert "--limit INT At most so many, over two lines." in shown
    assert "--rate FLOAT Share of 100 %. [0.5]" in shown


def test_a_file_that_is_missing_or_no_toml_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no file .*nothing\.toml"):
        settings.read_toml(tmp_path / "nothing.toml")
    (tmp_path / "bad.toml").write_text("a = ")
    with pytest.raises(ConfigError, match=r"bad\.toml is not TOML"):
        settings.read_toml(tmp_path / "bad.toml")


@pytest.mark.parametrize("stage", ["questions", "sample", "embed", "grade", "score", "calibrate", "train", "evaluate"])
def test_every_setting_of_every_stage_is_documented(stage: str) -> None:
    from dataclasses import fields
    from importlib import import_module

    config = import_module(f"uncal.stages.{stage}").Config
    said = settings.docs(config)
    assert list(said) == [field.name for field in fields(config)]
