"""Where a model's files are."""

import json
from pathlib import Path

import pytest

from uncal import models
from uncal.errors import MissingExtraError, ModelError


def folder(path: Path, *files: str) -> Path:
    path.mkdir()
    for file in files:
        (path / file).write_text("{}")
    return path


def test_a_hub_name_is_left_as_it_is() -> None:
    assert models.resolve("HuggingFaceTB/SmolLM2-135M-Instruct") == "HuggingFaceTB/SmolLM2-135M-Instruct"


def test_a_whole_folder_is_taken(tmp_path: Path) -> None:
    whole = folder(tmp_path / "m", "config.json", "model.safetensors", "tokenizer.json")
    assert models.resolve(str(whole)) == str(whole)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (("model.safetensors", "tokenizer.json"), "has no config.json"),
        (("config.json", "tokenizer.json"), r"has no \*\.safetensors file; pickled weights are never loaded"),
        (("config.json", "pytorch_model.bin", "tokenizer.json"), "pickled weights are never loaded"),
        (("config.json", "model.safetensors"), "has no tokenizer.json"),
        (("adapter_config.json", "adapter_model.safetensors"), "is an adapter, not a model"),
    ],
)
def test_a_folder_that_lacks_a_file_is_told_which(tmp_path: Path, files: tuple[str, ...], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        models.resolve(str(folder(tmp_path / "m", *files)))


def test_a_shard_that_the_index_names_must_be_there(tmp_path: Path) -> None:
    made = folder(tmp_path / "m", "config.json", "a.safetensors", "tokenizer.json")
    weights = {"x": "a.safetensors", "y": "b.safetensors"}
    (made / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weights}))
    with pytest.raises(ModelError, match=r"has no b\.safetensors, which model\.safetensors\.index\.json names"):
        models.resolve(str(made))


@pytest.mark.parametrize("name", ["./nothing", "/nothing/here", "~/nothing-here-either"])
def test_a_path_that_is_not_there_is_not_taken_for_a_hub_name(name: str) -> None:
    with pytest.raises(ModelError, match="no model folder"):
        models.resolve(name)


def test_a_missing_package_names_the_extra() -> None:
    with pytest.raises(
        MissingExtraError, match=r"lives in the package 'nobody_has_this', which is not installed; docs/install"
    ):
        models.resolve("package:nobody_has_this/model")


def test_a_missing_gguf_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no model file .*none\.gguf"):
        models.resolve(str(tmp_path / "none.gguf"))


def test_a_damaged_gguf_file_leaves_nothing_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNCAL_CACHE", str(tmp_path / "cache"))
    (tmp_path / "bad.gguf").write_bytes(b"GGUF and no more")
    with pytest.raises(ModelError, match=r"bad\.gguf cannot be read as a model"):
        models.resolve(str(tmp_path / "bad.gguf"))
    assert list((tmp_path / "cache" / "models").iterdir()) == []


def test_a_gguf_file_is_converted_once(smollm2: str) -> None:
    first = Path(models.resolve(smollm2))
    stamp = (first / "model.safetensors").stat().st_mtime_ns
    assert Path(models.resolve(smollm2)) == first
    assert (first / "model.safetensors").stat().st_mtime_ns == stamp
    assert "quantization_config" not in json.loads((first / "config.json").read_text())
    assert first.parent == models.cache_folder() / "models"
