"""The registry: a folder."""

import math
import pickle
from pathlib import Path
from typing import Any

import pytest

from uncal import calibrators, plugins, rewards, scorers
from uncal.errors import ConfigError, MissingExtraError, UnknownPluginError


def test_names_are_the_files_of_the_folder() -> None:
    folder = Path(plugins.__file__).parent / "scorers"
    assert plugins.names("scorers") == sorted(f.stem for f in folder.glob("*.py") if f.stem[0] != "_")


def test_an_unknown_name_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(
        UnknownPluginError,
        match=r"no 'entropy' in uncal\.scorers; there are claim_conditioned_probability, cocoa, degree, ",
    ):
        plugins.load("scorers", "entropy")


def test_a_plugin_of_another_package_is_reached_by_module_and_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "theirs.py").write_text("class Mine:\n    size = 3\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert plugins.load("scorers", "theirs:Mine").size == 3
    with pytest.raises(UnknownPluginError, match="module 'theirs' has no 'Other'"):
        plugins.load("scorers", "theirs:Other")
    with pytest.raises(UnknownPluginError, match="no module 'not_there'"):
        plugins.load("scorers", "not_there:Mine")


def test_a_plugin_whose_package_is_missing_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "needy.py").write_text("import a_package_that_nobody_has\nclass Needy: ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingExtraError, match="needs the package 'a_package_that_nobody_has'; `uncal doctor`"):
        plugins.load("scorers", "needy:Needy")


def test_a_setting_that_a_plugin_has_not_is_an_error_that_names_those_it_has() -> None:
    with pytest.raises(ConfigError, match="'von_neumann_entropy' has no setting 'gama'; it has kernel, gamma, norm"):
        scorers.make("von_neumann_entropy", gama=1.0)


def test_a_setting_that_a_plugin_refuses_is_an_error_that_names_the_plugin() -> None:
    with pytest.raises(ConfigError, match="rewards plugin 'target_match': dead_zone is 2"):
        rewards.make("target_match", dead_zone=2)


def test_a_setting_that_is_none_of_its_choices_is_an_error_that_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(
        ConfigError,
        match="scorers plugin 'semantic_entropy': linkage is 'ward'; it must be one of leader, single, average, compl",
    ):
        scorers.make("semantic_entropy", linkage="ward")
    fields = "    a: Literal['x', 'y'] | None = None\n    b: int | Literal['z'] = 0\n"
    imports = "from dataclasses import dataclass\nfrom typing import Literal\n"
    (tmp_path / "choosy.py").write_text(f"{imports}@dataclass\nclass Choosy:\n{fields}")
    monkeypatch.syspath_prepend(tmp_path)
    for settings in ({"a": "y", "b": 3}, {"a": None, "b": "z"}):
        assert vars(plugins.make("scorers", "choosy:Choosy", settings)) == settings
    with pytest.raises(ConfigError, match=r"a is 'z'; it must be one of x, y$"):
        plugins.make("scorers", "choosy:Choosy", {"a": "z"})


def test_choices_whose_types_are_not_there_are_not_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    imports = "from __future__ import annotations\nfrom dataclasses import dataclass\n"
    (tmp_path / "later.py").write_text(f"{imports}@dataclass\nclass Later:\n    a: Nowhere\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert plugins.make("scorers", "later:Later", {"a": 1}).a == 1


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("von_neumann_entropy", {"gamma": 0}, "gamma is 0; it must be a finite number above 0"),
        ("predictive_kernel_entropy", {"gamma": math.inf}, "gamma is inf; it must be a finite number above 0"),
        ("renyi_entropy", {"alpha": -1.0}, "alpha is -1.0; it must be a number above 0, or infinity"),
        ("renyi_entropy", {"gamma": "big"}, "gamma is 'big'; it must be a finite number above 0"),
        ("eigen_score", {"alpha": 0.0}, "alpha is 0.0; it must be a finite number above 0"),
        ("semantic_volume", {"eps": math.nan}, "eps is nan; it must be a finite number above 0"),
        ("eccentricity", {"cut": -0.5}, "cut is -0.5; it must be a finite number above 0"),
        ("kernel_language_entropy", {"t": 0}, "t is 0; it must be a finite number above 0"),
        ("kernel_language_entropy", {"kernel": "matern", "nu": -1}, "nu is -1; it must be a finite number above 0"),
        ("kernel_language_entropy", {"kappa": True}, "kappa is True; it must be a finite number above 0"),
        ("semantic_entropy", {"threshold": 1.5}, r"threshold is 1\.5; it must be a number in \[-1, 1\]"),
        ("num_semantic_sets", {"clusters": "entail", "threshold": -0.5}, r"threshold is -0\.5; .* in \[0, 1\]"),
    ],
)
def test_a_number_out_of_its_range_is_an_error_when_a_scorer_is_made(
    name: str, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=f"scorers plugin '{name}': {said}"):
        scorers.make(name, **settings)


def test_an_order_of_infinity_is_one() -> None:
    assert repr(scorers.make("renyi_entropy", alpha=math.inf)).startswith("RenyiEntropy(alpha=inf,")


def test_plugins_print_compare_and_pickle() -> None:
    reward = rewards.make("target_match", dead_zone=0.1)
    assert pickle.loads(pickle.dumps(reward)) == reward
    assert repr(reward) == "TargetMatch(dead_zone=0.1, malformed=0.0)"


def test_a_kind_exports_its_classes_lazily() -> None:
    from uncal.rewards import TargetMatch, target_match_reward

    assert TargetMatch().__name__ == "target_match"
    assert target_match_reward.__module__ == "uncal.rewards.target_match"
    assert "Platt" in dir(calibrators)
    with pytest.raises(AttributeError, match=r"module 'uncal\.rewards' has no attribute 'Nothing'"):
        _ = rewards.Nothing
