import copy
import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from uncal import schema
from uncal.commands.evaluate_file import evaluate_file
from uncal.errors import ArtefactError
from uncal.stages.report import Config, report

VOID = {"meta", "link", "br", "hr", "img", "input"}
NASTY = "<script>alert('x')</script> ]]> \"quoted\" 'single' &amp; <!-- --> </style>"
METRICS = ("ece", "ece_distinct", "brier", "auroc")


class Page(HTMLParser):
    """Tags, attributes and text of a page; fails where a tag does not close the last one that was opened."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data


def row(name: str, label: str) -> dict[str, Any]:
    reliability = {
        "edges": [0.0, 0.5, 1.0],
        "count": [0, 3],
        "mean_confidence": [None, 0.75],
        "accuracy": [None, 2 / 3],
        "low": [None, 0.2],
        "high": [None, 0.94],
    }
    counts = {"n": 3, "malformed": 1, "malformed_share": [0.25, 0.046, 0.699], "distinct": 2, "largest_share": 2 / 3}
    averages = {"accuracy": 2 / 3, "mean_confidence": 0.75, "reliability": reliability}
    averages |= {"risk_coverage": {"coverage": [1 / 3, 1.0], "risk": [0.0, 1 / 3]}}
    return {"name": name, "label": label} | counts | {key: [0.123, -0.045, 0.201] for key in METRICS} | averages


@pytest.fixture
def made() -> dict[str, Any]:
    """What `evaluate` writes, small."""
    config = {"split": "test", "seed": 0}
    statement = {"id": "q1", "text": "I guess. <uncertainty>0.40</uncertainty>", "uncertainty": 0.4, "reason": None}
    malformed = {"id": "q1", "text": "Surely!", "uncertainty": None, "reason": "no <uncertainty> block"}
    return {
        "schema_version": schema.VERSION,
        "made_by": {"stage": "evaluate", "config": config, "inputs": {"targets": "ab12"}, "uncal_version": "0.1.0"},
        "split": "test",
        "level": 0.95,
        "bootstrap": 1000,
        "n_bins": 15,
        "questions": {"all": 1234, "calibrate": 300, "train": 600, "validate": 130, "test": 204},
        "score": {"name": "von_neumann_entropy", "auroc": [0.744, 0.695, 0.791]},
        "calibrator": {
            "kind": "platt",
            "parameters": {"slope": -2.5, "intercept": 1.25, "iterations": 6, "converged": True},
            "fingerprint": {"kernel": "rbf", "gamma": 1.0},
            "fitted_on": {"split": "calibrate", "questions": 298, "correct": 131},
        },
        "table": [
            row("base", "Base model"),
            row("teacher", "Teacher"),
            row("adapter", "Trained model") | {"imitation": [0.812, 0.771, 0.845]},
        ],
        "grader": {"name": "judge(model='m')", "exact_match": {"n": 40, "share": 0.9, "kappa": 0.75}},
        "findings": ["The teacher is overconfident by 0.08.", "The trained model has collapsed."],
        "counts": [
            {"stage": "sample", "what": "completions that are blank", "count": 0, "of": 2040},
            {"stage": "evaluate", "what": "statements of the base model: not a decimal", "count": 1017, "of": 2041},
        ],
        "training": {
            "supervised": {"steps": [{"step": i, "loss": 1 / i} for i in range(1, 6)]},
            "grpo": {"steps": [{"step": i, "reward": None if i == 3 else i / 10} for i in range(1, 60)]},
        },
        "settings": {"sample": {"model": "a/model", "temperature": 1.0}, "evaluate": config},
        "examples": [
            {
                "id": "q1",
                "prompt": "Which river flows through Rome?",
                "answers": ["Tiber", "the Tiber"],
                "answer": "Tevere",
                "correct": False,
                "completions": ["Tiber", "Po", ""],
                "uncertainty": 0.31,
                "statements": {"base": malformed, "adapter": statement},
            }
        ],
    }


def html_of(made: dict[str, Any], folder: Path, config: Config | None = None) -> str:
    (folder / schema.REPORT_JSON).write_text(json.dumps(made))
    return report(folder, folder, config).read_text(encoding="utf-8")


def everywhere(value: object, text: str) -> object:
    """Put `text` in place of every string."""
    if isinstance(value, dict):
        return {key: everywhere(part, text) for key, part in value.items()}
    if isinstance(value, list):
        return [everywhere(part, text) for part in value]
    return text if isinstance(value, str) else value


def test_every_finding_count_split_and_setting_is_shown(made: dict[str, Any], tmp_path: Path) -> None:
    text = Page(html_of(made, tmp_path)).text
    assert "graded by judge(model='m'), which agrees with exact match on 90% of 40 questions" in text
    assert "(Cohen's kappa 0.75)" in text
    for finding in made["findings"]:
        assert finding in text
    for count in made["counts"]:
        assert count["what"] in text
        assert f"{count['of']:,}" in text
    for shown in ("1,017", "1,234", "300", "600", "130", "a/model", "temperature", "gamma", "ab12", "0.1.0"):
        assert shown in text
    for metric in ("malformed", "ECE by distinct value", "Brier", "AUROC", "pivotal", "Wilson", "not with the truth"):
        assert metric in text


def test_numbers_stand_with_their_intervals(made: dict[str, Any], tmp_path: Path) -> None:
    text = Page(html_of(made, tmp_path)).text
    assert text.count("0.123[\N{MINUS SIGN}0.045, 0.201]") == 3 * len(METRICS)
    assert "0.812[0.771, 0.845]" in text
    assert "25.0% [4.6%, 69.9%]" in text
    assert "0.744 [0.695, 0.791]" in text
    assert "confidence = 1 / (1 + exp(-(-2.5 * score + 1.25)))" in text


def test_an_example_shows_what_was_asked_answered_and_stated(made: dict[str, Any], tmp_path: Path) -> None:
    text = Page(html_of(made, tmp_path)).text
    for shown in (
        *("Which river flows through Rome?", "Tevere", "wrong", "Tiber · the Tiber", "0.31", "3 samples", "blank"),
        *("malformed: no <uncertainty> block", "Surely!", "0.40", "I guess. <uncertainty>0.40</uncertainty>"),
    ):
        assert shown in text


def test_text_from_outside_never_becomes_markup(made: dict[str, Any], tmp_path: Path) -> None:
    plain = Page(html_of(made, tmp_path))
    nasty: dict[str, Any] = {key: everywhere(part, NASTY) for key, part in made.items()}
    nasty["split"], nasty["settings"] = "test", {NASTY: {NASTY: NASTY}, "sample": {"model": NASTY}}
    nasty["calibrator"]["fingerprint"] = {NASTY: [NASTY, {NASTY: NASTY}]}
    nasty["made_by"]["inputs"] = {NASTY: NASTY}
    for old, new in zip(made["table"], nasty["table"], strict=True):
        new["name"] = old["name"]
    html = html_of(nasty, tmp_path, Config(title=NASTY))
    page = Page(html)
    assert set(page.tags) <= set(plain.tags)
    assert "script" not in page.tags
    assert html.count("<!--") == 0
    assert html.count("</style>") == 1
    assert "<script" not in html
    assert {name for name, _ in page.attributes} <= {name for name, _ in plain.attributes}
    assert page.text.count(NASTY) > 30


def test_characters_that_html_cannot_hold_are_replaced(made: dict[str, Any], tmp_path: Path) -> None:
    made["examples"][0]["answer"] = "a\x00b\ud800c\x1bd\ne"
    assert "a\ufffdb\ufffdc\ufffdd\ne" in html_of(made, tmp_path)


def test_the_page_loads_nothing(made: dict[str, Any], tmp_path: Path) -> None:
    html = html_of(made, tmp_path)
    page = Page(html)
    assert not {"script", "link", "img", "iframe", "object", "embed", "base", "form", "a"} & set(page.tags)
    assert not {name for name, _ in page.attributes if name in ("src", "href", "style") or name.startswith("on")}
    assert not any(part in html for part in ("http://", "https://", "@import", "url("))
    assert any("default-src 'none'" in value for name, value in page.attributes if name == "content")


def test_headers_have_a_scope_and_figures_a_name(made: dict[str, Any], tmp_path: Path) -> None:
    page = Page(html_of(made, tmp_path))
    assert page.tags.count("th") == sum(name == "scope" for name, _ in page.attributes)
    figures = [value for name, value in page.attributes if name == "aria-label"]
    assert len(figures) == 8  # two for each of three rows, two training curves
    assert all(figures)


def test_without_an_adapter_the_page_says_so(made: dict[str, Any], tmp_path: Path) -> None:
    made["table"].pop()
    made["training"] = {}
    del made["examples"][0]["statements"]["adapter"]
    text = Page(html_of(made, tmp_path)).text
    assert "Nothing was trained: the run has no adapter." in text
    assert "Trained model" not in text


def test_what_is_missing_is_shown_as_not_available(made: dict[str, Any], tmp_path: Path) -> None:
    nothing = dict.fromkeys((*METRICS, "accuracy", "mean_confidence", "reliability", "risk_coverage", "largest_share"))
    made["table"] = [row("base", "Base model") | nothing | {"n": 0, "distinct": 0}]
    made["table"][0]["malformed_share"] = None
    made["score"]["auroc"] = [None, None, None]
    made["training"] = {"supervised": {"steps": []}, "grpo": {"steps": []}}
    made["settings"] = {}
    made["examples"][0] |= {"uncertainty": None, "correct": None, "answers": None, "completions": []}
    text = Page(html_of(made, tmp_path)).text
    assert text.count("n/a") == 1 + len(METRICS) + 1 + 1 + 1 + 1  # share, metrics, interval, imitation, score, teacher
    assert "not graded" in text
    assert "nothing to draw" in text


def test_a_number_without_an_interval_stands_alone(made: dict[str, Any], tmp_path: Path) -> None:
    made["table"][0]["brier"] = [0.456, None, None]
    text = Page(html_of(made, tmp_path)).text
    assert "0.456" in text
    assert "0.456[" not in text


def test_an_unknown_calibrator_and_a_single_question_are_shown(made: dict[str, Any], tmp_path: Path) -> None:
    made["calibrator"] |= {"kind": "isotonic", "parameters": {"knots": [0.25, 0.75]}}
    made["questions"] = {"all": 1, "test": 1}
    text = Page(html_of(made, tmp_path)).text
    assert "confidence = isotonic(score)" in text
    assert "[0.25, 0.75]" in text
    assert "1 question of the split" in text


def test_a_slope_that_points_the_wrong_way_is_said(made: dict[str, Any], tmp_path: Path) -> None:
    assert "slope is not negative" not in html_of(made, tmp_path)
    made["calibrator"]["parameters"] |= {"slope": 0.5, "intercept": -1.0}
    html = html_of(made, tmp_path)
    assert "slope is not negative" in html
    assert "exp(-(0.5 * score - 1))" in html


def test_a_missing_report_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="run `uncal evaluate` first"):
        report(tmp_path, tmp_path)
    assert not (tmp_path / schema.REPORT_HTML).exists()


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "{}", '{"schema_version": 1}', "\udcff"])
def test_a_damaged_report_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / schema.REPORT_JSON).write_text(text, errors="surrogateescape")
    with pytest.raises(ArtefactError, match="is damaged"):
        report(tmp_path, tmp_path)
    assert not (tmp_path / schema.REPORT_HTML).exists()


def test_another_schema_version_is_refused(made: dict[str, Any], tmp_path: Path) -> None:
    made["schema_version"] = 99
    with pytest.raises(ArtefactError, match="schema version 99"):
        html_of(made, tmp_path)


def test_the_page_is_made_anew_but_a_strangers_page_is_kept(made: dict[str, Any], tmp_path: Path) -> None:
    first = html_of(made, tmp_path)
    assert html_of(made, tmp_path) == first
    changed = copy.deepcopy(made)
    changed["findings"] = ["Something else."]
    assert "Something else." in html_of(changed, tmp_path)
    page = tmp_path / schema.REPORT_HTML
    page.write_text("<p>my own notes</p>")
    with pytest.raises(ArtefactError, match="uncal did not make it"):
        report(tmp_path, tmp_path)
    assert page.read_text() == "<p>my own notes</p>"
    assert "Something else." in report(tmp_path, tmp_path, overwrite=True).read_text()


def test_the_page_says_what_it_was_made_from(made: dict[str, Any], tmp_path: Path) -> None:
    page = Page(html_of(made, tmp_path))
    note = json.loads(next(value for name, value in page.attributes if name == "content" and value.startswith("{")))
    assert note["stage"] == "report"
    assert list(note["inputs"]) == [schema.REPORT_JSON]
    assert note["lineage"]["evaluate"] == made["made_by"]["config"]


def test_risk_and_coverage_are_drawn_for_every_row_that_has_them(made: dict[str, Any], tmp_path: Path) -> None:
    page = html_of(made, tmp_path)
    label = "share that is wrong by coverage: 0 at 0.33, 0.333 at 1"
    assert page.count(label) == 2 * len(made["table"])  # the title and the label of each figure


def test_the_report_on_a_file_has_its_page_already_which_is_said(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text('{"conf": 0.5, "correct": true}\n{"conf": 0.25, "correct": false}\n')
    evaluate_file(tmp_path / "p.jsonl", tmp_path)
    with pytest.raises(ArtefactError, match="is of a file and not of a run"):
        report(tmp_path, tmp_path, overwrite=True)
