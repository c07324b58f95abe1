"""The registry: a folder."""

import pickle
from pathlib import Path

import pytest

from uncal import calibrators, plugins, rewards, scorers
from uncal.errors import ConfigError, MissingExtraError, UnknownPluginError


def test_names_are_the_files_of_the_folder() -> None:
    folder = Path(plugins.__file__).parent / "scorers"
    assert plugins.names("scorers") == sorted(f.stem for f in folder.glob("*.py") if f.stem[0] != "_")


def test_an_unknown_name_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(UnknownPluginError, match=r"no 'entropy' in uncal\.scorers; there are degree, eccentricity, "):
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
