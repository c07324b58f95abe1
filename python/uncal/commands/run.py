"""Run: all stages of a pipeline.toml, one table each; goes on where it was."""

import logging
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from uncal import schema, settings, twins
from uncal.commands import dedup
from uncal.errors import ConfigError
from uncal.stages import NAMES, embed
from uncal.stages.questions import is_set

log = logging.getLogger("uncal")

INPUTS = {
    "questions": ("source",),
    "sample": (schema.QUESTIONS,),
    "embed": (schema.COMPLETIONS,),
    "grade": (schema.QUESTIONS, schema.COMPLETIONS),
    "score": (schema.EMBEDDINGS,),
    "calibrate": (schema.QUESTIONS, schema.COMPLETIONS, schema.GRADES, schema.SCORES),
    "train": (schema.TARGETS,),
    "evaluate": (".",),
    "report": (".",),
}
"""What each stage reads, in the order of its arguments; "." is the run folder itself."""

OUTPUT = {
    "questions": schema.QUESTIONS,
    "sample": schema.COMPLETIONS,
    "embed": schema.EMBEDDINGS,
    "grade": schema.GRADES,
    "score": schema.SCORES,
    "calibrate": schema.CALIBRATOR,
    "train": schema.ADAPTER,
    "evaluate": ".",
    "report": ".",
}


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """What a pipeline.toml says.

    Attributes
    ----------
    run : str or None, default=None
        Folder of the run.
    stages : tuple of str
        Those to run; all unless set.
    warn_of_twins : bool, default=True
        Look for test questions that have a near twin in another split, by the embedder of the embed stage, and warn.
    """

    run: str | None = None
    warn_of_twins: bool = True
    stages: tuple[str, ...] = NAMES


def run_stage(
    name: str,
    inputs: list[Path],
    out: Path,
    table: dict[str, Any],
    where: str,
    *,
    overwrite: bool,
    retry_failed: bool = False,
) -> Any:
    """Run a stage with the settings in a table."""
    module = import_module(f"uncal.stages.{name}")
    config = settings.build(module.Config, table, where)
    if out.is_file() and any(path.is_file() and out.samefile(path) for path in inputs):
        raise ConfigError(f"{out} is the input of {name!r} as well; pass another --out, or what it holds is lost")
    again = {"retry_failed": retry_failed} if name == "sample" else {}
    return getattr(module, name)(*inputs, out, config, overwrite=overwrite, **again)


def load(path: Path) -> tuple[Pipeline, dict[str, dict[str, Any]], Path]:
    """Read and check a pipeline.toml before any stage runs.

    Returns
    -------
    pipeline : Pipeline
    tables : dict of str to dict
        The settings of each stage.
    source : Path
        The file of questions, relative to the pipeline's folder; or the name of a set on the hub.
    """
    whole = settings.read_toml(path)
    tables = {name: value for name, value in whole.items() if isinstance(value, dict)}
    for name in tables:
        if name not in NAMES:
            raise ConfigError(f"{path}: no stage [{name}]; there are {', '.join(NAMES)}")
    pipeline = settings.build(Pipeline, {k: v for k, v in whole.items() if k not in tables}, str(path))
    for name in pipeline.stages:
        if name not in NAMES:
            raise ConfigError(f"{path}: stages names {name!r}; there are {', '.join(NAMES)}")
    source = tables.get("questions", {}).pop("source", None)
    if "questions" in pipeline.stages and not isinstance(source, str):
        raise ConfigError(f"{path}: [questions] needs source, the file of questions")
    for name in pipeline.stages:
        settings.build(import_module(f"uncal.stages.{name}").Config, tables.get(name, {}), f"{path} [{name}]")
    beside = path.parent / (source or "")
    on_hub = not beside.exists() and is_set(Path(source or ""))
    return pipeline, tables, Path(source or "") if on_hub else beside


def run(path: Path, folder: Path | None = None, *, overwrite: bool = False, retry_failed: bool = False) -> Path:
    """Run the stages of a pipeline.toml; those that are up to date are skipped.

    Parameters
    ----------
    path : Path
    folder : Path or None, default=None
        Of the run; None takes the one that the file names.
    overwrite : bool, default=False
        Make everything anew.
    retry_failed : bool, default=False
        Draw questions again that failed in an earlier run, and make anew what follows from them.

    Returns
    -------
    Path
        The run folder.
    """
    pipeline, tables, source = load(path)
    if folder is None and pipeline.run is None:
        raise ConfigError(f"{path}: no folder for the run; set run, or pass --run DIR")
    folder = folder or Path(str(pipeline.run))
    folder.mkdir(parents=True, exist_ok=True)
    for name in (name for name in NAMES if name in pipeline.stages):
        log.info("%s", name)
        inputs = [source if file == "source" else folder / file for file in INPUTS[name]]
        table = tables.get(name, {})
        out, where = folder / OUTPUT[name], f"{path} [{name}]"
        run_stage(name, inputs, out, table, where, overwrite=overwrite, retry_failed=retry_failed)
        if name == "questions" and pipeline.warn_of_twins and "embed" in pipeline.stages:
            warn_of_twins(folder, settings.build(embed.Config, tables.get("embed", {}), f"{path} [embed]"))
    return folder


def warn_of_twins(folder: Path, embedding: embed.Config) -> None:
    """Warn of test questions of a run that have a near twin in another split, which makes the test too easy.

    It is left out, which is said, where there are so many questions that faiss is needed and it is not installed.
    """
    questions = folder / schema.QUESTIONS
    config = dedup.Config(embedder=embedding.embedder, embedder_settings=embedding.embedder_settings)
    tested, others = dedup.sizes(questions, config)
    if not tested or not others:
        return
    if twins.needs_index(tested, others) and find_spec("faiss") is None:
        log.warning(
            "dedup: not looked for near twins of %d test questions among %d others; `pip install 'uncal[faiss]'`, then "
            "`uncal dedup --run %s`",
            *(tested, others, folder),
        )
        return
    dedup.dedup(questions, folder / schema.TWINS, config)
