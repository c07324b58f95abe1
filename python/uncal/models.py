"""Where a model's files are: a folder, a hub name, or inside an installed package."""

import importlib.util
import json
import logging
import os
import shutil
import tempfile
from pathlib import Path

from uncal.artefacts import sha256
from uncal.errors import MissingExtraError, ModelError

log = logging.getLogger("uncal")
PACKAGE = "package:"


def resolve(name: str) -> str:
    """Turn a model's name into what transformers and sentence-transformers load.

    Parameters
    ----------
    name : str
        - ``package:NAME/PATH``, a folder or a .gguf file that the installed package NAME carries;
        - a path of a folder, or of a .gguf file;
        - anything else is left as it is: a name on the Hugging Face hub.

    Returns
    -------
    str
        A folder with config, safetensors and tokenizer; or the hub name. A .gguf file is converted once, into
        ``$UNCAL_CACHE`` (default ``~/.cache/uncal``).

    Raises
    ------
    MissingExtraError
        If the package is not installed.
    ModelError
        If there is no such folder or file, or a folder lacks a file that a model needs.
    """
    path = _in_package(name) if name.startswith(PACKAGE) else Path(name).expanduser()
    if path.suffix == ".gguf":
        if not path.is_file():
            raise ModelError(f"no model file {path}")
        return str(_converted(path))
    if path.is_dir():
        _check(path)
        return str(path)
    if name.startswith((PACKAGE, ".", "/", "~")) or path.exists():
        raise ModelError(f"no model folder {path}; name a folder, a .gguf file or a model on the hub")
    return name


def _in_package(name: str) -> Path:
    package, _, inside = name.removeprefix(PACKAGE).partition("/")
    found = importlib.util.find_spec(package) if package.isidentifier() else None
    if found is None or not found.submodule_search_locations:
        raise MissingExtraError(
            f"model {name!r} lives in the package {package!r}, which is not installed; "
            "docs/install.md says what to type for the models of the demo"
        )
    return Path(found.submodule_search_locations[0]) / inside


def _check(folder: Path) -> None:
    """Name the file that a model's folder lacks, before a loader says so in its own way."""
    if (folder / "adapter_config.json").exists():
        raise ModelError(f"{folder} is an adapter, not a model; name its base model and pass it as the adapter")
    if not (folder / "config.json").exists() and not (folder / "modules.json").exists():
        raise ModelError(f"model folder {folder} has no config.json")
    weights = list(folder.rglob("*.safetensors"))
    if not weights:
        raise ModelError(f"model folder {folder} has no *.safetensors file; pickled weights are never loaded")
    for index in folder.glob("*.safetensors.index.json"):
        for shard in sorted(set(json.loads(index.read_text())["weight_map"].values())):
            if not (folder / shard).exists():
                raise ModelError(f"model folder {folder} has no {shard}, which {index.name} names")
    if not any(next(folder.glob(n), None) for n in ("tokenizer.json", "tokenizer.model", "vocab.*", "*.tiktoken")):
        raise ModelError(f"model folder {folder} has no tokenizer.json")


def cache_folder() -> Path:
    """Return the folder for converted models: ``$UNCAL_CACHE``, or ``~/.cache/uncal``."""
    return Path(os.environ.get("UNCAL_CACHE") or Path.home() / ".cache" / "uncal")


def _converted(gguf: Path) -> Path:
    """Convert a .gguf file to safetensors once; the folder's name holds the hash of the file."""
    folder = cache_folder() / "models" / f"{gguf.stem}-{sha256(gguf)[:16]}"
    if folder.is_dir():
        return folder
    try:
        import gguf as _  # noqa: F401
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"reading {gguf.name} needs the package {error.name!r}; `pip install 'uncal[models]' gguf`"
        ) from error
    log.info("converting %s to safetensors, once, into %s", gguf.name, folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        try:
            loaded = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
            tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
        except Exception as error:  # a damaged file fails in any way: struct.error, KeyError, ...
            raise ModelError(f"{gguf} cannot be read as a model: {error}") from error
        # A model loaded from GGUF counts as quantized and refuses to be saved; a fresh one with its weights does not.
        config = loaded.config
        del config.quantization_config
        fresh = AutoModelForCausalLM.from_config(config)
        fresh.load_state_dict(loaded.state_dict())
        fresh.save_pretrained(temporary)
        tokenizer.save_pretrained(temporary)
        try:
            temporary.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was faster; its copy is as good
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder
