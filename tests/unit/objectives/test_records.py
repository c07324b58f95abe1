"""What each supervised objective writes."""

import logging
from collections import Counter
from typing import Any

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from uncal import objectives, prompts
from uncal.errors import ConfigError
from uncal.levels import FIVE
from uncal.objectives._rows import agreement, clusters
from uncal.objectives.critiques import critique
from uncal.objectives.metacognition import bin_accuracy, pairwise_accuracy
from uncal.parse import FORMATS, parse_uncertainty
from uncal.types import Backend, Completion, CompletionGroup, Message, Sampling


def row(answer: str = "Oslo", completions: str = "Oslo Oslo Rome Bern", **columns: Any) -> dict[str, Any]:
    said = completions.split(" ")
    usual = {"correct": answer == "Oslo", "completions_correct": [text == "Oslo" for text in said], "uncertainty": 0.25}
    return {"id": "q", "prompt": "Capital?", "answer": answer, "completions": said} | usual | columns


def texts(name: str, rows: list[dict[str, Any]], **settings: Any) -> list[str]:
    objective = objectives.make(name, **settings)
    turns = [prompts.uncertainty_turn(one["prompt"], one["answer"]) for one in rows]
    return [record.text for record in objective.records(rows, turns, 0)]


# Completions that say the same


def test_the_largest_group_comes_first_and_of_equal_ones_the_earliest() -> None:
    found = clusters(["Rome", "Oslo", "the oslo!", "", "Bern", "  "], [False, True, None, True, None, False])
    assert [tuple(one) for one in found] == [("Oslo", 2, True), ("Rome", 1, False), ("Bern", 1, None)]


def test_texts_of_punctuation_alone_are_told_apart() -> None:
    assert [one.n for one in clusters(["?", "!", "?"])] == [2, 1]
    assert agreement("?", ["?", "!", "", "?"]) == 0.5


# distill


@pytest.mark.parametrize("form", sorted(FORMATS))
@pytest.mark.parametrize("order", ["answer_first", "together", "confidence_first"])
def test_the_target_is_stated_in_every_format_and_order(form: str, order: Any) -> None:
    (text,) = texts("distill", [row(uncertainty=0.3)], format=form, order=order, read="stated")
    stated = FORMATS[form].write(0.3)
    assert stated in text
    assert ("<answer>Oslo</answer>" in text) == (order != "answer_first")
    assert (text.index(stated) == 0) == (order != "together")


def test_outcomes_are_stated_as_0_and_1() -> None:
    assert [parse_uncertainty(text).value for text in texts("distill", [row(), row("Rome")], start="correct")] == [0, 1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"format": "percent"}, "format is 'percent'"), ({"order": "together"}, "read is 'mean' and order 'together'")],
)
def test_a_format_that_there_is_not_and_a_mean_before_the_answer_are_errors(settings: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        objectives.make("distill", **settings)


@pytest.mark.parametrize(("form", "count"), [("uncertainty", 101), ("confidence_of_ten", 11), ("confidence_words", 5)])
def test_the_mean_is_over_statements_of_which_none_begins_another(form: str, count: int) -> None:
    read_out = objectives.make("distill", format=form).read_out
    options = [read_out.opening + option for option in read_out.options]
    assert len(set(options)) == count
    assert not any(one != other and other.startswith(one) for one in options for other in options)
    for option, uncertainty in zip(options, read_out.uncertainties, strict=True):
        assert FORMATS[form].write(uncertainty).startswith(option)


# conf_tuner


def test_targets_become_the_nearest_word_and_outcomes_the_outermost() -> None:
    rows = [row(uncertainty=u) for u in (0.0, 0.3, 0.55, 1.0)]
    levels = {"words": ("low", "medium", "high"), "levels": (1 / 6, 3 / 6, 5 / 6)}
    assert texts("conf_tuner", rows, start="uncertainty", **levels) == ["high", "high", "medium", "low"]
    assert texts("conf_tuner", [row(), row("Rome")], **levels) == ["high", "low"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"words": ("a", "a")}, "no two may be alike"),
        ({"words": ("a",)}, "two words at least"),
        ({"levels": (0.0, 1.0)}, "there are 2 levels"),
        ({"smoothing": 1.0}, "smoothing is"),
        ({"mode": "median"}, "mode is 'median'"),
    ],
)
def test_levels_that_make_no_sense_are_errors(settings: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        objectives.make("conf_tuner", **settings)


# calibration_tuning


def test_a_query_and_the_answer_are_records_and_an_answer_that_is_a_label_is_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, "uncal"):
        assert texts("calibration_tuning", [row(), row("Rome"), row("B")]) == ["B", "Oslo", "A", "Rome", "A"]
    assert "1 answers are a label" in caplog.text
    assert texts("calibration_tuning", [row(), row("B")], kappa=0) == ["B", "A"]


@pytest.mark.parametrize("settings", [{"labels": ("A", "A")}, {"kappa": -1}, {"divergence": "l2"}])
def test_a_query_that_makes_no_sense_is_an_error(settings: Any) -> None:
    with pytest.raises(ConfigError):
        objectives.make("calibration_tuning", **settings)


# uncertainty_distillation


def test_levels_are_those_of_isotonic_regression_over_all_groups() -> None:
    generator = np.random.default_rng(0)
    shares = generator.dirichlet([2, 0.5, 0.5, 0.5], 40)
    rows = [row(completions=" ".join(generator.choice(["Oslo", "Rome", "Bern", "Lima"], 8, p=p))) for p in shares]
    objective = objectives.make("uncertainty_distillation", incorrect=3)
    records = objective.records(rows, [[]] * 40, 0)
    f, c, wanted = [], [], []
    for one in rows:
        for text, n in Counter(one["completions"]).items():
            f.append(n / 8)
            c.append(text == "Oslo")
    curve = IsotonicRegression(out_of_bounds="clip").fit(f, c)
    for one in rows:
        counted = Counter(one["completions"])
        order = [("Oslo", counted["Oslo"])] if counted["Oslo"] else []
        order += [(text, n) for text, n in counted.most_common() if text != "Oslo"]
        for text, n in order:
            word = FIVE[min(4, int(curve.predict([n / 8])[0] * 5))]
            wanted.append(f"<answer>{text}</answer><confidence>{word}</confidence>")
    assert [record.text for record in records] == wanted
    assert len({text.partition("<confidence>")[2] for text in wanted}) > 2


@pytest.mark.parametrize(
    ("incorrect", "answers"), [(0, ["Oslo"]), (1, ["Oslo", "Rome"]), (3, ["Oslo", "Rome", "Bern"])]
)
def test_a_right_group_comes_with_so_many_wrong_ones(incorrect: int, answers: list[str]) -> None:
    said = texts("uncertainty_distillation", [row(completions="Rome Oslo Oslo Bern Rome")], incorrect=incorrect)
    assert [text.removeprefix("<answer>").partition("<")[0] for text in said] == answers


def test_a_question_without_a_right_group_makes_wrong_records_alone() -> None:
    assert len(texts("uncertainty_distillation", [row(completions="Rome Rome")])) == 1
    assert texts("uncertainty_distillation", [row(completions="Rome Rome")], incorrect=0) == []


def test_rows_to_calibrate_on_fit_the_curve_and_make_no_record() -> None:
    fitted = row(split="calibrate", completions="Rome Rome Rome Oslo", completions_correct=[True] * 3 + [False])
    trained = row(split="train", completions="Oslo Oslo Oslo Rome")
    said = texts("uncertainty_distillation", [fitted, trained])
    assert said == [
        "<answer>Oslo</answer><confidence>very high</confidence>",
        "<answer>Rome</answer><confidence>very low</confidence>",
    ]
    assert texts("uncertainty_distillation", [trained], calibrated=False)[0].endswith("<confidence>high</confidence>")


def test_levels_that_all_collapse_are_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "uncal"):
        texts("uncertainty_distillation", [row(completions="Oslo Rome"), row(completions="Rome Oslo")])
    assert "all 4 records state the same level" in caplog.text


@pytest.mark.parametrize("settings", [{"incorrect": -1}, {"bins": 1}, {"bins": 7}, {"format": "uncertainty"}])
def test_bins_without_words_are_an_error(settings: Any) -> None:
    with pytest.raises(ConfigError):
        objectives.make("uncertainty_distillation", **settings)


# r_tuning, self_evaluation


def test_known_questions_are_told_from_unknown_ones() -> None:
    rows = [row(), row("Rome")]
    assert texts("r_tuning", rows) == ["I am sure.", "I am unsure."]
    assert texts("r_tuning", rows, mode="refuse") == ["<answer>Oslo</answer>", "I do not know."]


def test_every_completion_with_a_verdict_is_judged_in_the_place_of_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    rows = [row(completions="Oslo  Rome Bern", completions_correct=[True, True, False, None])]
    turn = prompts.uncertainty_turn("Capital?", "Oslo")
    with caplog.at_level(logging.WARNING, "uncal"):
        made = objectives.make("self_evaluation", reason=True).records(rows, [turn], 0)
    assert [(len(one.turns), one.turns[min(1, len(one.turns) - 1)]["content"], one.text) for one in made] == [
        (3, "Oslo", "Yes"),
        (1, turn[0]["content"], "Oslo"),
        (3, "Rome", "No"),
    ]
    assert "2 completions are blank or have no verdict" in caplog.text


# say_self_rationales


class Scribe(Backend):
    """Writes down what it is asked, and has nothing to say of questions that hold the word silence."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, prompts: Any, _: Sampling, /) -> list[CompletionGroup]:
        turns: list[list[Message]] = [prompt for prompt in prompts if isinstance(prompt, list)]
        self.asked = [turn[0]["content"] for turn in turns]
        said = [Completion("I mix up two cities. ", [], [], "stop")]
        return [CompletionGroup([], "no") if "silence" in asked else CompletionGroup(said) for asked in self.asked]


def test_a_rationale_names_the_answers_that_compete_and_the_number_is_the_share_that_agrees() -> None:
    assert texts("say_self_rationales", [row(), row(completions="oslo Oslo")]) == [
        'Other answers come to mind: "Rome" (25 %), "Bern" (25 %). <confidence>5</confidence>',
        "No other answer comes to mind. <confidence>10</confidence>",
    ]
    (together,) = texts("say_self_rationales", [row()], order="together", confidence="uncertainty")
    assert together.startswith("<answer>Oslo</answer>Other answers")
    assert together.endswith("<confidence>8</confidence>")


def test_a_model_writes_the_rationale_from_the_groups_and_where_it_does_not_the_answers_are_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    scribe = Scribe()
    with caplog.at_level(logging.WARNING, "uncal"):
        said = texts("say_self_rationales", [row(), row(prompt="silence?")], backend=scribe)
    assert said[0] == "I mix up two cities. <confidence>5</confidence>"
    assert said[1].startswith("Other answers come to mind")
    assert "Question: Capital?\n\n2 x Oslo\n1 x Rome\n1 x Bern" in scribe.asked[0]
    assert scribe.asked[0].startswith("Below are 4 attempts")
    assert "no rationale was written for 1 of 2 rows" in caplog.text


@pytest.mark.parametrize("settings", [{"prompt": "why?"}, {"max_tokens": 0}, {"backend_settings": {"model": "m"}}])
def test_a_summariser_that_makes_no_sense_is_an_error(settings: Any) -> None:
    with pytest.raises(ConfigError):
        objectives.make("say_self_rationales", **settings)


# critiques


@pytest.mark.parametrize(
    ("stated", "target", "verdict"),
    [(0.5, 0.6, "appropriate"), (0.5, 0.61, "too low"), (0.5, 0.39, "too high"), (0.5, 0.4, "appropriate")],
)
def test_a_number_is_appropriate_within_the_tolerance(stated: float, target: float, verdict: str) -> None:
    assert f"That is {verdict}:" in critique(stated, target)


def test_a_critique_is_of_the_answer_or_of_the_question() -> None:
    asked = row("Rome", completions="Oslo Oslo Oslo Rome", uncertainty=0.7)
    assert texts("critiques", [asked]) == [
        'First thought: 0.25. That is appropriate: "Oslo" is possible too, and such answers are right about as often.\n'
        "<confidence>0.30</confidence>"
    ]
    (outcome,) = texts("critiques", [asked], start="correct")
    assert "0.25. That is too high" in outcome
    assert outcome.endswith("<confidence>0.00</confidence>")
    (question,) = texts("critiques", [asked], subject="question", start="correct")
    assert "0.75. That is appropriate" in question
    assert question.endswith("<confidence>0.75</confidence>")


def test_a_question_none_of_whose_completions_has_a_verdict_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "uncal"):
        rows = [row(), row(completions_correct=[None] * 4)]
        assert len(texts("critiques", rows, subject="question", start="correct")) == 1
    assert "no completion of 1 rows has a verdict" in caplog.text


# metacognition


def test_targets_are_the_accuracies_of_bins_of_consistency() -> None:
    rows = [row("Oslo", "Oslo Oslo Oslo Rome"), row("Rome", "Rome Rome Rome Oslo"), row("Bern", "Oslo Lima Bern Rome")]
    said = texts("metacognition", rows, bins=2, pairs=0)
    assert [parse_uncertainty(text).value for text in said] == [0.5, 0.5, 1.0]


def test_a_number_on_the_edge_of_a_bin_belongs_above_and_1_to_the_last() -> None:
    assert bin_accuracy([0.5, 0.49, 1.0, 0.0], [True, False, True, False], bins=2).tolist() == [1, 0, 1, 0]


def test_of_two_questions_the_one_with_the_higher_target_is_named_and_ties_are_not_asked() -> None:
    sure, unsure = row(prompt="Easy?", completions="Oslo Oslo"), row("Rome", "Oslo Bern", prompt="Hard?")
    made = objectives.make("metacognition", pairs=50).records([sure, unsure], [[], []], 3)[2:]
    assert 20 < len(made) < 80  # half of 100 draws are a question and itself
    assert {record.text for record in made} == {"A", "B"}
    for record in made:
        asked = record.turns[0]["content"]
        assert (record.text == "A") == (asked.index("Easy?") < asked.index("Hard?"))
    assert len(objectives.make("metacognition", pairs=50, margin=1).records([sure, unsure], [[], []], 3)) == 2


def test_noise_moves_the_targets_by_the_seed() -> None:
    objective = objectives.make("metacognition", noise=0.1, pairs=0)
    rows = [row("Rome", "Rome Oslo"), row("Oslo", "Rome Oslo")]
    said = [[record.text for record in objective.records(rows, [[], []], seed)] for seed in (0, 0, 1)]
    assert said[0] == said[1] != said[2]


def test_pairwise_accuracy_counts_pairs_of_which_one_was_right() -> None:
    assert pairwise_accuracy([0, 1, 0], [[True, False], [False, True], [False, True]]) == pytest.approx(2 / 3)
    assert np.isnan(pairwise_accuracy([0], [[True, True]]))
    with pytest.raises(ValueError, match="chosen must hold 0 or 1"):
        pairwise_accuracy([2], [[True, False]])


@pytest.mark.parametrize("settings", [{"bins": 0}, {"noise": -1}, {"pairs": -1}, {"margin": float("nan")}])
def test_a_task_that_makes_no_sense_is_an_error(settings: Any) -> None:
    with pytest.raises(ConfigError):
        objectives.make("metacognition", **settings)


@pytest.mark.parametrize(("name", "settings"), [("ua_clm", {"weight": -1}), ("forking", {"quantile": 1})])
def test_weights_and_quantiles_that_make_no_sense_are_errors(name: str, settings: Any) -> None:
    with pytest.raises(ConfigError, match=f"objectives plugin '{name}': {next(iter(settings))} is"):
        objectives.make(name, **settings)
