"""The command line: one subcommand for each file in stages/ and commands/."""

import argparse
import contextlib
import errno
import json
import logging
import os
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from uncal import plugins, settings, stages
from uncal.errors import ConfigError, UncalError
from uncal.version import __version__

DONE, FAILED, WRONG_USAGE = 0, 1, 2
ALSO_FILES = ("calibrate", "evaluate", "grade")
"""Stages whose command takes one file of anybody's as well; how is in commands/STAGE_file.py."""
RETRY_FAILED = "draw those questions again that failed before, and leave the others as they are"
log = logging.getLogger("uncal")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns
    -------
    int
        0 done, 1 failed (or the reader of a pipe left), 2 wrong usage, 130 interrupted by Ctrl-C.
    """
    parser = _parser(list(sys.argv[1:] if arguments is None else arguments))
    options = parser.parse_args(arguments)
    if not hasattr(options, "act"):
        parser.print_help()
        return WRONG_USAGE
    _prepare(options)
    try:
        options.act(options)
        sys.stdout.flush()
    except ConfigError as error:
        return _failed(options, error, WRONG_USAGE)
    except UncalError as error:
        return _failed(options, error, FAILED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader left; nothing to tell
        return FAILED
    except OSError as error:
        return _failed(options, _explained(error), FAILED)
    except KeyboardInterrupt:
        return _failed(options, UncalError("interrupted; the same command goes on where it was"), 128 + signal.SIGINT)
    except Exception as error:
        if isinstance(error, ValueError) and str(error).startswith("UNCAL_"):  # of a kernel
            return _failed(options, ConfigError(f"the environment variable {error}"), WRONG_USAGE)
        wrapped = UncalError(f"unexpected {type(error).__name__}: {error}; --debug shows where")
        return _failed(options, wrapped, FAILED, cause=error)
    return DONE


def _failed(options: argparse.Namespace, error: Exception, code: int, cause: Exception | None = None) -> int:
    if options.debug:
        raise cause or error
    message = " ".join(str(error).split())
    print(f"uncal: {message}", file=sys.stderr)
    return code


def _explained(error: OSError) -> UncalError:
    where = f" ({error.filename})" if error.filename else ""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return UncalError(f"the disk is full{where}; finished shards are kept: make room and run the same command")
        case errno.EISDIR:
            return UncalError(f"a folder is where a file is wanted{where}; choose another --out or --run")
        case errno.ENOTDIR | errno.EEXIST:
            return UncalError(f"a file is where a folder is wanted{where}; choose another --out or --run")
        case errno.EROFS | errno.EACCES | errno.EPERM:
            return UncalError(f"no access{where}: {error.strerror}; choose another --out or --run")
        case _:
            return UncalError(f"{error.strerror or error}{where}")


def _prepare(options: argparse.Namespace) -> None:
    """Set up what is said on standard error, and keep the libraries below quiet."""
    level = logging.WARNING if options.quiet else logging.INFO
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    log.handlers[:] = [handler]
    log.setLevel(level)
    if options.quiet:
        from uncal import progress

        progress.quiet()
    if not options.debug:
        warnings.simplefilter("ignore")
        for name, value in {
            "TRANSFORMERS_VERBOSITY": "error",
            "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_HUB_VERBOSITY": "error",
            "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
            "TOKENIZERS_PARALLELISM": "false",
            "TQDM_DISABLE": "1",  # for the bars of others; ours say themselves when they show
            "TRL_EXPERIMENTAL_SILENCE": "1",
            "VLLM_LOGGING_LEVEL": "ERROR",
            "VLLM_LOGGING_STREAM": "ext://sys.stderr",
        }.items():
            os.environ.setdefault(name, value)
        with contextlib.suppress(AttributeError):
            logging.getLogger("transformers").setLevel(logging.ERROR)
        # vLLM heeds that variable once it runs; where it is only imported, as TRL does, it would warn all the same.
        level = logging.getLevelNamesMapping().get(os.environ["VLLM_LOGGING_LEVEL"].upper(), logging.ERROR)
        logging.getLogger("vllm").setLevel(level)


def _parser(arguments: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="uncal",
        description="Teach a language model to say how sure it is, and to be right about that.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"uncal {__version__}")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--quiet", action="store_true", help="say nothing but warnings and errors")
    shared.add_argument("--debug", action="store_true", help="show a traceback on errors, and all warnings")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name in stages.NAMES:
        # Flags need the stage's module; only the one that is asked for is imported.
        _add_stage(commands, name, shared, whole=name in arguments)
    _add_run(commands, shared)
    _add_ask(commands, shared)
    _add_elicit(commands, shared, whole="elicit" in arguments)
    _add_list(commands, shared)
    _add_doctor(commands, shared)
    _add_dedup(commands, shared, whole="dedup" in arguments)
    _add_testbed(commands, shared, whole="testbed" in arguments)
    return parser


# Stages


def _add_stage(commands: Any, name: str, shared: argparse.ArgumentParser, *, whole: bool) -> None:
    from uncal.commands.run import INPUTS

    if not whole:
        commands.add_parser(name, help=_summary(name), add_help=False)
        return
    module = import_module(f"uncal.stages.{name}")
    of_file = import_module(f"uncal.commands.{name}_file") if name in ALSO_FILES else None
    said = module.__doc__ if of_file is None else f"{module.__doc__} {of_file.__doc__}"
    parser = commands.add_parser(name, help=_summary(name), description=said, parents=[shared], allow_abbrev=False)
    files = INPUTS[name]
    if of_file is not None:
        parser.add_argument("inputs", nargs="*", metavar="FILE", type=Path, help=_inputs_help(name, files))
    elif files != (".",):
        wanted = "FILE" if files == ("source",) or name in ("score", "embed") else "INPUT"
        parser.add_argument("inputs", nargs="*", metavar=wanted, type=Path, help=_inputs_help(name, files))
    parser.add_argument("--run", metavar="DIR", type=Path, help="folder of the run, in which files have their names")
    parser.add_argument("--out", "-o", metavar="PATH", type=Path, help="where the result goes")
    parser.add_argument("--config", metavar="FILE.toml", type=Path, help="settings, alone or in a table of the stage")
    parser.add_argument("--overwrite", action="store_true", help="make the result anew, whatever is there")
    if name == "sample":
        parser.add_argument("--retry-failed", action="store_true", help=RETRY_FAILED)
    if of_file is None:
        settings.add_flags(parser, module.Config)
    else:
        settings.add_flags(parser, of_file.Config, "settings with a FILE of your own")
        both = of_file.Config.__dataclass_fields__
        settings.add_flags(parser, module.Config, "settings with a run (those above that it has too, besides)", both)
    parser.set_defaults(act=_run_stage, stage=name, fail=parser.error)


def _inputs_help(stage: str, files: tuple[str, ...]) -> str:
    if stage in ("score", "embed"):
        return (
            f"{files[0]}, or samples of your own: Parquet, Arrow, JSONL, JSON, CSV, TSV, or a folder that `datasets` "
            "saved; or pass --run"
        )
    if stage in ALSO_FILES:
        of_run = "" if files == (".",) else f"; {len(files)} files are those of a run: {', '.join(files)}"
        return (
            "one file of your own: Parquet, Arrow, JSONL, JSON, CSV, TSV, or a folder that `datasets` saved; or pass "
            f"--run{of_run}"
        )
    if files == ("source",):
        return "questions: JSONL, JSON, CSV, TSV, Parquet, Arrow, or a folder that `datasets` saved"
    return f"{', '.join(files)}{', in this order' if len(files) > 1 else ''}; or pass --run"


def _summary(stage: str) -> str:
    """Read what a stage does from the first line of its file, without importing it."""
    with (Path(__file__).parent / "stages" / f"{stage}.py").open(encoding="utf-8") as file:
        return file.readline().strip().strip('"').partition(": ")[2].rstrip(".")


def _run_stage(options: argparse.Namespace) -> None:
    from uncal.commands.run import INPUTS, OUTPUT, run_stage

    name = options.stage
    if name in ALSO_FILES:
        alone = len(options.inputs) == 1
        if alone and options.run is not None:
            options.fail("a FILE and --run DIR are both given; name one")
        _refuse_settings(options, name, alone)
        if alone:
            _run_on_file(options)
            return
    inputs = _inputs(options, INPUTS[name])
    if options.out is None and options.run is None:
        options.fail("say where the result goes: --run DIR, or --out PATH")
    out = options.out if options.out is not None else options.run / OUTPUT[name]
    table, where = _settings(options, import_module(f"uncal.stages.{name}").Config)
    again = vars(options).get("retry_failed", False)
    made = run_stage(name, inputs, out, table, where, overwrite=options.overwrite, retry_failed=again)
    log.info("%s", made)


def _settings(options: argparse.Namespace, config: type[Any]) -> tuple[dict[str, Any], str]:
    """Give what the file of settings and the flags say, and where that stands."""
    table: dict[str, Any] = {}
    where = f"uncal {options.stage}"
    if options.config is not None:
        table = settings.read_toml(options.config)
        table = table.get(
            options.stage, {} if any(isinstance(v, dict) for k, v in table.items() if k in stages.NAMES) else table
        )
        table.pop("source", None)
        where = str(options.config)
    typed = {field: value for field, value in vars(options).items() if field in config.__dataclass_fields__}
    return table | typed, where


def _refuse_settings(options: argparse.Namespace, name: str, of_file: bool) -> None:
    """Refuse flags that say something of a run where a file is given, and the other way round."""
    known = [import_module(f"uncal.{module}").Config for module in (f"stages.{name}", f"commands.{name}_file")]
    taken, other = known[::-1] if of_file else known
    for field in other.__dataclass_fields__:
        if field in vars(options) and field not in taken.__dataclass_fields__:
            what = "a run, not of one FILE" if of_file else "one FILE, not of a run"
            options.fail(f"--{field.replace('_', '-')} is a setting of {what}")


def _run_on_file(options: argparse.Namespace) -> None:
    name, path = options.stage, options.inputs[0]
    module = import_module(f"uncal.commands.{name}_file")
    table, where = _settings(options, module.Config)
    module.run(path, options.out, settings.build(module.Config, table, where), overwrite=options.overwrite)


def _inputs(options: argparse.Namespace, files: tuple[str, ...]) -> list[Path]:
    if files == (".",):
        if options.run is None or vars(options).get("inputs"):
            options.fail(f"--run DIR is needed{', or one FILE' if options.stage in ALSO_FILES else ''}")
        return [options.run]
    given: list[Path] = options.inputs
    if given:
        if len(given) != len(files):
            options.fail(f"{len(files)} inputs are needed ({', '.join(files)}), not {len(given)}")
        return given
    if files == ("source",):
        options.fail("a file of questions is needed")
    if options.run is None:
        options.fail(f"inputs are needed: --run DIR, or {', '.join(files)}")
    from uncal import schema
    from uncal.commands.run import OUTPUT

    for file in files:
        if options.stage == "score" and (options.run / schema.COMPLETIONS).exists():
            continue  # which of the two it needs, it says itself
        if not (options.run / file).exists():
            maker = next(stage for stage, made in OUTPUT.items() if made == file)
            raise UncalError(f"no file {options.run / file}; run `uncal {maker} --run {options.run}` first")
    return [options.run / file for file in files]


# Commands


def _add_run(commands: Any, shared: argparse.ArgumentParser) -> None:
    parser = commands.add_parser("run", help="all stages of a pipeline.toml; goes on where it was", parents=[shared])
    parser.add_argument("pipeline", metavar="pipeline.toml", type=Path)
    parser.add_argument("--run", metavar="DIR", type=Path, help="folder of the run, instead of the file's")
    parser.add_argument("--overwrite", action="store_true", help="make everything anew, whatever is there")
    parser.add_argument("--retry-failed", action="store_true", help=RETRY_FAILED)
    parser.set_defaults(act=_run)


def _run(options: argparse.Namespace) -> None:
    from uncal import schema
    from uncal.commands.run import run

    folder = run(options.pipeline, options.run, overwrite=options.overwrite, retry_failed=options.retry_failed)
    if (report := folder / schema.REPORT_HTML).exists():
        print(report)


def _add_ask(commands: Any, shared: argparse.ArgumentParser) -> None:
    parser = commands.add_parser("ask", help="an answer, and how unsure it is", parents=[shared])
    parser.add_argument("question", nargs="*", help="one question; without it, a question a line from standard input")
    parser.add_argument("--adapter", metavar="DIR", type=Path, required=True, help="folder that `uncal train` made")
    parser.add_argument("--model", help="base model, instead of the one that the adapter names")
    votes = "answers that are drawn; the one with the most confidence in all is given [1]"
    parser.add_argument("--votes", type=int, default=1, metavar="N", help=votes)
    analyses = "statements that are drawn of an answer; their mean is given [1]"
    parser.add_argument("--analyses", type=int, default=1, metavar="N", help=analyses)
    parser.add_argument("--json", action="store_true", help="write a JSON object a line")
    parser.set_defaults(act=_ask)


def _ask(options: argparse.Namespace) -> None:
    from uncal.commands.ask import as_text, ask

    if options.question and not " ".join(options.question).strip():
        raise ConfigError("the question is blank")
    questions = [" ".join(options.question)] if options.question else _lines()
    size = 1 if options.question or sys.stdin.isatty() else 16
    often = {"votes": options.votes, "analyses": options.analyses}
    for row in ask(questions, options.adapter, model=options.model, batch_size=size, **often):
        print(json.dumps(row, ensure_ascii=False) if options.json else as_text(row), flush=True)


def _add_elicit(commands: Any, shared: argparse.ArgumentParser, *, whole: bool) -> None:
    told = "how sure a model says it is, asked in one of several ways -> a file of answers and confidences"
    if not whole:
        commands.add_parser("elicit", help=told, add_help=False)
        return
    from uncal.commands.elicit import Config

    parser = commands.add_parser("elicit", help=told, description=told, parents=[shared], allow_abbrev=False)
    wanted = "a file with the column prompt, or the folder of a run"
    parser.add_argument("questions", metavar="QUESTIONS", type=Path, help=wanted)
    parser.add_argument("--out", "-o", metavar="FILE", type=Path, required=True, help="a .parquet or .arrow file")
    parser.add_argument("--config", metavar="FILE.toml", type=Path, help="settings, alone or in a table [elicit]")
    parser.add_argument("--overwrite", action="store_true", help="make the result anew, whatever is there")
    settings.add_flags(parser, Config)
    parser.set_defaults(act=_elicit, stage="elicit")


def _elicit(options: argparse.Namespace) -> None:
    from uncal.commands.elicit import Config, elicit, summary

    config = settings.build(Config, *_settings(options, Config))
    made = elicit(options.questions, options.out, config, overwrite=options.overwrite)
    print(summary(made))
    log.info("%s", made)


def _lines() -> Iterator[str]:
    for line in sys.stdin:
        if line.strip():
            yield line.strip()


def _add_dedup(commands: Any, shared: argparse.ArgumentParser, *, whole: bool) -> None:
    said = "questions of one split that have a near twin in another"
    if not whole:
        commands.add_parser("dedup", help=said, add_help=False)
        return
    from uncal.commands.dedup import Config

    parser = commands.add_parser("dedup", help=said, parents=[shared], allow_abbrev=False)
    parser.add_argument("questions", nargs="?", metavar="FILE", type=Path, help="questions with a split; or pass --run")
    parser.add_argument("--against", metavar="FILE", type=Path, help="look for twins in this file; splits are not read")
    parser.add_argument("--run", metavar="DIR", type=Path, help="folder of the run, in which files have their names")
    parser.add_argument("--out", "-o", metavar="PATH", type=Path, help="where the twins go")
    parser.add_argument("--overwrite", action="store_true", help="make the result anew, whatever is there")
    settings.add_flags(parser, Config)
    parser.set_defaults(act=_dedup, fail=parser.error)


def _dedup(options: argparse.Namespace) -> None:
    from uncal import schema
    from uncal.commands.dedup import Config, dedup

    if (options.questions is None) == (options.run is None):
        options.fail("questions are needed: a FILE, or --run DIR")
    if options.out is None and options.run is None:
        options.fail("say where the result goes: --run DIR, or --out PATH")
    source = options.questions if options.questions is not None else options.run / schema.QUESTIONS
    out = options.out if options.out is not None else options.run / schema.TWINS
    typed = {field: value for field, value in vars(options).items() if field in Config.__dataclass_fields__}
    config = settings.build(Config, typed, "uncal dedup")
    log.info("%s", dedup(source, out, config, against=options.against, overwrite=options.overwrite))


def _add_testbed(commands: Any, shared: argparse.ArgumentParser, *, whole: bool) -> None:
    said = "objectives on small worlds where truth is known, in minutes"
    if not whole:
        commands.add_parser("testbed", help=said, add_help=False)
        return
    from uncal.commands.testbed import ACTIONS, PARTS

    parser = commands.add_parser("testbed", help=said, description=said, allow_abbrev=False)
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    for name, (config, told) in ACTIONS.items():
        action = actions.add_parser(name, help=told, description=told, parents=[shared], allow_abbrev=False)
        action.add_argument("--out", "-o", metavar="DIR", type=Path, required=True, help="holds a folder for each seed")
        settings.add_flags(action, config)
        for title, part in PARTS.items():
            settings.add_flags(action, part, f"settings of the {title}")
        action.set_defaults(act=_testbed, action=name)


def _testbed(options: argparse.Namespace) -> None:
    from uncal.commands.testbed import testbed

    print(testbed(options.action, options.out, vars(options)))


def _add_list(commands: Any, shared: argparse.ArgumentParser) -> None:
    parser = commands.add_parser("list", help="the plugins of each kind", parents=[shared])
    parser.add_argument("kind", nargs="?", choices=[*plugins.KINDS, "question_sets"])
    parser.add_argument("--json", action="store_true", help="write a JSON list")
    parser.set_defaults(act=_list)


def _list(options: argparse.Namespace) -> None:
    from uncal.commands.list import as_text, plugins_of, question_sets

    if options.kind == "question_sets":
        sets = question_sets()
        print(json.dumps(sets, indent=1) if options.json else as_text(sets))
        return
    kinds = [options.kind] if options.kind else list(plugins.KINDS)
    rows = [row for kind in kinds for row in plugins_of(kind)]
    print(json.dumps(rows, indent=1) if options.json else as_text(rows))


def _add_doctor(commands: Any, shared: argparse.ArgumentParser) -> None:
    parser = commands.add_parser("doctor", help="what is installed, and what to install", parents=[shared])
    parser.add_argument("--json", action="store_true", help="write a JSON object")
    parser.set_defaults(act=_doctor)


def _doctor(options: argparse.Namespace) -> None:
    from uncal.commands.doctor import as_text, examine

    found = examine()
    print(json.dumps(found, indent=1) if options.json else as_text(found))
