"""Writes rouge_score.json: ROUGE-L of every two texts of some groups by the package rouge-score, without its stemmer.

python -m venv /tmp/rouge && /tmp/rouge/bin/pip install rouge-score==0.1.2
/tmp/rouge/bin/python tests/numerics/data/make_rouge_score.py
"""

import json
import random
from importlib.metadata import version
from pathlib import Path

GROUPS = [
    ["The capital of France is Paris.", "Paris", "It's Paris, the capital of France!", "paris", "I do not know."],
    ["", " ", "?!", "no", "No."],
    [
        "Ünter den Linden",
        "unter den linden",
        "İstanbul 3\u212a",
        "3k i stanbul",
        "日本 2024",
        "2024",
    ],  # the Kelvin sign
    ["don't stop_me now", "don t stop me now", "now me stop t don", "x²+y², x2 y2", "a\x1cb\u00a0c\u2003d\u200be"],
]


def main() -> None:
    from rouge_score import rouge_scorer

    draw = random.Random(0)
    vocabulary = [f"w{i}" for i in range(40)]
    lengths = (3, 30, 63, 64, 65, 128, 129, 400)
    groups = [*GROUPS, [" ".join(draw.choices(vocabulary, k=k)) for k in lengths]]
    scorer = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=False)
    scores = [[[scorer.score(a, b)["rougeL"].fmeasure for b in group] for a in group] for group in groups]
    golden = {"rouge_score": version("rouge-score"), "groups": groups, "fmeasure": scores}
    Path(__file__).with_name("rouge_score.json").write_text(json.dumps(golden, indent=None) + "\n")


if __name__ == "__main__":
    main()
