"""The model card of an adapter, with the calibration that was measured."""

import json
import math
from collections.abc import Mapping
from typing import Any

HOW = {
    "answer_first": "The base model answers with the adapter off, so answers do not change; with the adapter on it "
    "says, in a second turn,\nhow unsure that answer is.",
    "together": "With the adapter on the model answers, and then says how sure it is, in one turn.",
    "confidence_first": "With the adapter on the model says how sure it is, and then answers, in one turn.",
}


def model_card(note: Mapping[str, Any], calibration: str = "") -> str:
    """Write the README.md of an adapter.

    Parameters
    ----------
    note : mapping
        What uncal.json holds.
    calibration : str, default=""
        The measured calibration, as `calibration_table` writes it.
    """
    made = note["made_by"]
    config = made["config"]
    counts = {name: len(phase["steps"]) for name, phase in note["training"].items()}
    steps = f"{counts.get('supervised', 0)} supervised steps, {counts.get('grpo', 0)} GRPO steps"
    return f"""---
library_name: peft
base_model: {json.dumps(note["base_model"])}
tags: [uncal, uncertainty, calibration, trl, grpo, lora]
---

# An adapter that states the uncertainty of an answer

Trained by uncal {made["uncal_version"]} on {note["questions"]} questions: {steps},
objective {config["objective"]}.
{HOW[note["prompts"]["order"]]}

    uncal ask "Who wrote Middlemarch?" --adapter THIS_FOLDER

## Calibration

{calibration or "Not measured yet; `uncal evaluate` fills this in."}

## Prompts

The answer turn:

    {_indented(note["prompts"]["answer"])}

What asks for the number:

    {_indented(note["prompts"]["uncertainty"])}
"""


def calibration_table(report: Mapping[str, Any]) -> str:
    """Write the table of a report as Markdown.

    Parameters
    ----------
    report : mapping
        What report.json holds.
    """
    columns = {"ECE": "ece", "ECE by value": "ece_distinct", "Brier": "brier", "AUROC": "auroc"}
    lines = [
        f"On {report['questions'][report['split']]} questions of the split `{report['split']}`, "
        f"{100 * report['level']:g}% bootstrap intervals (those of ECE are pivotal, for resampling biases ECE upward; "
        "with few questions a value may lie above its interval):",
        "",
        f"Answers were graded by `{report['grader']['name']}`.",
        "",
        *(f"- {finding}" for finding in report.get("findings", ())),
        "",
        f"| | n | malformed | distinct values | {' | '.join(columns)} |",
        f"| --- | --- | --- | --- |{' --- |' * len(columns)}",
    ]
    for row in report["table"]:
        values = " | ".join(_with_interval(row[key]) for key in columns.values())
        lines.append(f"| {row['label']} | {row['n']} | {row['malformed']} | {row['distinct']} | {values} |")
    return "\n".join(lines)


def _with_interval(value: Any) -> str:
    if value is None or value[0] is None or not math.isfinite(value[0]):
        return "n/a"
    return f"{value[0]:.3f} [{value[1]:.3f}, {value[2]:.3f}]"


def _indented(text: str) -> str:
    return text.replace("\n", "\n    ")
