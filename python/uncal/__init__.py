"""uncal teaches a language model to say how sure it is, and to be right about that.

The stages are functions from files to a file: `questions`, `sample`, `embed`, `grade`, `score`, `calibrate`, `train`,
`evaluate`, `report`; `evaluate_file`, `calibrate_file` and `grade_file` take anybody's file, and `dedup` finds
questions that come twice. `uncal.fast` holds the kernels, NumPy in and NumPy out; `uncal.plots` draws. Nothing heavy is
imported before it is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from uncal.linguistic import read_linguistic
from uncal.parse import parse_confidence, parse_uncertainty
from uncal.verbal import read_confidence
from uncal.version import __version__

if TYPE_CHECKING:
    from uncal import fast as fast
    from uncal.commands.ask import ask as ask
    from uncal.commands.calibrate_file import calibrate_file as calibrate_file
    from uncal.commands.dedup import dedup as dedup
    from uncal.commands.elicit import elicit as elicit
    from uncal.commands.evaluate_file import evaluate_file as evaluate_file
    from uncal.commands.grade_file import grade_file as grade_file
    from uncal.commands.run import run as run
    from uncal.stages.calibrate import calibrate as calibrate
    from uncal.stages.embed import embed as embed
    from uncal.stages.evaluate import evaluate as evaluate
    from uncal.stages.grade import grade as grade
    from uncal.stages.questions import questions as questions
    from uncal.stages.report import report as report
    from uncal.stages.sample import sample as sample
    from uncal.stages.score import score as score
    from uncal.stages.train import train as train

_STAGES = ("questions", "sample", "embed", "grade", "score", "calibrate", "train", "evaluate", "report")
_COMMANDS = ("ask", "run", "calibrate_file", "dedup", "elicit", "evaluate_file", "grade_file")

__all__ = [
    "__version__",
    "fast",
    "parse_confidence",
    "parse_uncertainty",
    "read_confidence",
    "read_linguistic",
    *_STAGES,
    *_COMMANDS,
]


def __getattr__(name: str) -> Any:
    """Import a stage, a command or `fast` when it is first asked for."""
    if name == "fast":
        return import_module("uncal.fast")
    if name in _STAGES:
        return getattr(import_module(f"uncal.stages.{name}"), name)
    if name in _COMMANDS:
        return getattr(import_module(f"uncal.commands.{name}"), name)
    raise AttributeError(f"module 'uncal' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
