"""`elicit_batch` on replies that are written down here, and the whole command on small real models."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from uncal import backends, graders, schema
from uncal.commands.elicit import COLUMNS, Config, elicit, elicit_batch, summary
from uncal.commands.evaluate_file import evaluate_file
from uncal.elicitation import STRATEGIES
from uncal.errors import ArtefactError, ConfigError
from uncal.types import Backend, Completion, CompletionGroup, FloatArray, Prompt, Sampling

GRADER = graders.make("exact_match")
UNREADABLE = ("cot", "multi_step", "top_k", "self_probing")
"""Forms that a model of 135 million weights may miss, even after examples."""


@dataclass(frozen=True)
class Written(Backend):
    """Replies that are written down: `reply` is told the last turn and which of how many replies is wanted."""

    reply: Callable[[str, int], str]
    asked: list[str] = field(default_factory=list)
    logprobs: FloatArray | None = None

    def __call__(self, prompts: Sequence[Prompt], sampling: Sampling, /) -> list[CompletionGroup]:
        made = []
        for prompt in prompts:
            assert not isinstance(prompt, str)
            text = prompt[-1]["content"]
            self.asked.append(text)
            if "too long" in text:
                made.append(CompletionGroup([], "over the context"))
            else:
                texts = [self.reply(text, i) for i in range(sampling.n)]
                made.append(CompletionGroup([Completion(one, [], [], "stop") for one in texts]))
        return made

    def option_logprobs(self, prompts: Sequence[Prompt], options: Sequence[str], /) -> FloatArray:
        if self.logprobs is None:
            return super().option_logprobs(prompts, options)
        self.asked.extend(prompt[-1]["content"] for prompt in prompts if not isinstance(prompt, str))
        assert self.logprobs.shape == (len(prompts), len(options))
        return self.logprobs


def asked(*prompts: str, **more: Any) -> pa.Table:
    rows = [{"id": p, "prompt": p, "answers": ["Rome"], "answer": None, "distractors": []} | more for p in prompts]
    return pa.Table.from_pylist(rows)


def row(config: Config, backend: Backend, **more: Any) -> dict[str, Any]:
    table = elicit_batch(asked("Where?", **more), config, backend, GRADER)
    assert table.schema.equals(COLUMNS)
    made: dict[str, Any] = table.to_pylist()[0]
    return made


def from_list(*texts: str) -> Written:
    return Written(lambda _, i: texts[i])


def test_replies_make_one_answer_and_all_aggregations_of_it() -> None:
    replies = [("Rome", 90), ("rome.", 80), ("Milan", 95), ("The Rome", 60), ("Bari", 50)]
    backend = from_list(*(f"Answer: {answer}\nConfidence: {stated}%" for answer, stated in replies))
    found = row(Config(model="m"), backend)
    assert (found["answer"], found["correct"], found["n_read"]) == ("Rome", True, 5)
    assert found["consistency"] == pytest.approx(0.6)
    assert found["avg_conf"] == found["confidence"] == pytest.approx(2.3 / 3.75)
    assert found["stated"] == pytest.approx(2.3 / 3)
    assert found["pair_rank"] is found["top_k_mean"] is found["p_true"] is None
    assert found["confidences"] == [[0.9], [0.8], [0.95], [0.6], [0.5]]
    assert row(Config(model="m", aggregation="consistency"), backend)["confidence"] == pytest.approx(0.6)


def test_of_one_reply_the_confidence_is_what_it_states() -> None:
    found = row(Config(model="m", samples=1), from_list("Answer: Milan\nConfidence: 30%"))
    assert (found["confidence"], found["avg_conf"], found["correct"]) == (0.3, 1.0, False)


def test_replies_that_cannot_be_read_are_left_out_and_have_a_reason() -> None:
    backend = from_list("Answer: Rome\nConfidence: 90%", "Rome!", "Answer: Milan\nConfidence: high")
    found = row(Config(model="m", samples=3), backend)
    assert (found["n_read"], found["consistency"], found["confidence"]) == (1, 1.0, 1.0)
    assert found["reasons"] == [None, "no answer", "confidence: no number"]
    nothing = row(Config(model="m", samples=2), from_list("?", "?"))
    assert (nothing["answer"], nothing["confidence"], nothing["correct"], nothing["n_read"]) == (None, None, None, 0)
    assert nothing["status"] == schema.DONE


def test_a_question_that_the_backend_cannot_take_is_a_failed_row_beside_others() -> None:
    backend = Written(lambda _, __: "Answer: Rome\nConfidence: 90%")
    table = elicit_batch(asked("too long", "Where?"), Config(model="m"), backend, GRADER)
    assert table["status"].to_pylist() == [schema.FAILED, schema.DONE]
    assert table["error"].to_pylist() == ["over the context", None]


def test_top_k_merges_guesses_that_are_one_and_ranks_them() -> None:
    first = "G1: Rome\nG2: Milan\nG3: rome\nP1: 60%\nP2: 20%\nP3: 10%"
    backend = from_list(first, "G1: Milan\nG2: Rome\nP1: 50%\nP2: 40%", "G1: Rome\nP1: 80%")
    found = row(Config(model="m", strategy="top_k", samples=3, aggregation="top_k_mean"), backend)
    assert found["answer"] == "Rome"
    assert found["top_k_mean"] == found["confidence"] == pytest.approx((0.7 + 0.4 + 0.8) / 3)
    assert found["pair_rank"] == pytest.approx(0.5)  # each stands before the other once


def test_steps_are_put_together_as_told() -> None:
    text = "Step 1: x, confidence: 90%\nStep 2: y, confidence: 50%\nAnswer: Rome\nConfidence: 80%"
    for steps, stated in (("product", 0.45), ("min", 0.5), ("last", 0.8)):
        found = row(Config(model="m", strategy="multi_step", samples=1, steps=steps), from_list(text))
        assert found["confidence"] == pytest.approx(stated)


def probing(text: str, i: int) -> str:
    if "Somebody answered:" not in text:
        return ("Rome", "Milan", "")[i]
    return "Confidence: 80%" if "Rome" in text else "Confidence: 30%"


def test_self_probing_asks_about_each_answer_in_a_conversation_of_its_own() -> None:
    found = row(Config(model="m", strategy="self_probing", samples=3), Written(probing))
    assert (found["answer"], found["n_read"], found["reasons"]) == ("Rome", 2, [None, None, "blank"])
    assert found["confidences"] == [[0.8], [0.3], []]
    assert found["confidence"] == pytest.approx(0.8 / 1.1)
    assert found["texts"] == ["Confidence: 80%", "Confidence: 30%"]


def test_an_answer_of_the_file_is_judged_and_no_other_drawn() -> None:
    backend = Written(probing)
    found = row(Config(model="m", strategy="self_probing", samples=2), backend, answer="In Milan")
    assert [found[name] for name in ("answer", "correct", "stated", "consistency")] == ["In Milan", False, 0.3, None]
    assert len(backend.asked) == 2
    assert all("Somebody answered: In Milan" in text for text in backend.asked)


def test_p_true_is_the_share_of_true_among_both_words() -> None:
    backend = Written(probing, logprobs=np.log([[0.3, 0.1]]))
    found = row(Config(model="m", strategy="p_true", samples=2, ideas=True), backend)
    assert found["p_true"] == found["confidence"] == pytest.approx(0.75)
    assert found["consistency"] == 0.5
    assert "Ideas: Rome; Milan\nProposed answer: Rome" in backend.asked[-1]
    alone = Written(probing, logprobs=np.log([[0.3, 0.1]]))
    assert row(Config(model="m", strategy="p_true"), alone, answer="Milan")["p_true"] == pytest.approx(0.75)
    assert len(alone.asked) == 1


def test_p_true_may_be_drawn_from_backends_that_know_no_probabilities() -> None:
    def reply(text: str, i: int) -> str:
        return ("True", "false", "Maybe", "True.")[i] if "Proposed answer" in text else "Rome"

    with pytest.raises(ConfigError, match="backend Written cannot say how likely given words are"):
        row(Config(model="m", strategy="p_true"), Written(reply, logprobs=None), answer="Rome")
    found = row(Config(model="m", strategy="p_true", samples=4, read="drawn"), Written(reply))
    assert found["p_true"] == pytest.approx(2 / 3)
    mute = row(Config(model="m", strategy="p_true", samples=1, read="drawn"), Written(lambda *_: "Rome"))
    assert (mute["p_true"], mute["reasons"], mute["n_read"]) == (None, ["neither True nor False"], 0)


def test_p_ik_asks_without_an_answer_and_has_none_over_the_context() -> None:
    backend = Written(probing, logprobs=np.array([[math.nan, math.nan]]))
    found = row(Config(model="m", strategy="p_ik", samples=1), backend)
    assert (found["p_ik"], found["reasons"], found["correct"]) == (None, ["over the context"], True)
    assert "Rome" not in backend.asked[-1]


def test_how_sure_a_sentence_sounds_is_read_by_the_lexicon() -> None:
    found = row(Config(model="m", strategy="hedged", samples=1), from_list("It is perhaps Rome."))
    assert (found["answer"], found["confidence"], found["correct"]) == ("It is perhaps Rome.", 0.42, True)


def test_replies_differ_by_wording_or_by_misleading_hints() -> None:
    backend = Written(lambda *_: "Answer: Rome\nConfidence: 90%")
    row(Config(model="m", sampling="prompting", samples=7), backend)
    assert len(set(backend.asked)) == 5
    assert all("Where?" in text for text in backend.asked)
    misled = Written(lambda *_: "Answer: Rome\nConfidence: 90%")
    elicit_batch(
        asked("Where?"), Config(model="m", sampling="misleading", samples=12), misled, GRADER, ["rome", "Oslo"]
    )
    assert len(set(misled.asked)) == 12
    assert all("Oslo" in text and "rome" not in text for text in misled.asked)
    with pytest.raises(ConfigError, match="there is no wrong answer for question 'Where"):
        row(Config(model="m", sampling="misleading"), misled)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"strategy": "guess"}, "strategy is 'guess'; it must be one of vanilla, cot,"),
        ({"aggregation": "mean"}, "aggregation is 'mean'; it must be one of stated, "),
        ({"aggregation": "pair_rank"}, "aggregation is 'pair_rank', which needs strategy top_k, not vanilla"),
        ({"aggregation": "stated", "strategy": "p_ik"}, "strategy p_ik has one number a question"),
        ({"samples": 0}, "samples is 0; draw at least 1"),
        ({"k": 0}, "k is 0; it must be at least 1"),
        ({"k": 9, "strategy": "top_k", "examples": True}, "k is 9; examples have up to 6 guesses"),
        ({"answer_prompt": "Answer!"}, "must contain {question}"),
    ],
)
def test_settings_that_make_no_sense_are_errors(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Config(model="m", **wrong)


QUESTIONS = [
    {"id": "a", "prompt": "What is the capital of France?", "answers": ["Paris"], "split": "test"},
    {"id": "b", "prompt": "Who wrote Hamlet?", "answers": "Shakespeare", "split": "test"},
    {"prompt": "why " * 300, "split": "train"},
]


def written(folder: Path, rows: list[dict[str, Any]]) -> Path:
    path = folder / "questions.jsonl"
    path.write_text("".join(f"{json.dumps(one)}\n" for one in rows))
    return path


def test_the_file_goes_on_to_evaluate_and_a_second_call_draws_nothing(tiny_model: Path, tmp_path: Path) -> None:
    config = Config(model=str(tiny_model), strategy="p_true", max_tokens=4, samples=2, shard_size=2)
    out = elicit(written(tmp_path, QUESTIONS), tmp_path / "out.parquet", config)
    made = pq.read_table(out).to_pylist()
    assert [one["status"] for one in made] == [schema.DONE, schema.DONE, schema.FAILED]
    assert (made[0]["id"], len(made[2]["id"])) == ("a", 16)  # a hash where the file has none
    assert summary(out).splitlines()[0].startswith("3 questions, 1 failed, 2 with a confidence (0.")
    report = json.loads(evaluate_file(out, tmp_path / "report").read_text())
    assert report["n"] == 2
    before = out.stat().st_mtime_ns
    elicit(tmp_path / "questions.jsonl", out, config)
    assert out.stat().st_mtime_ns == before
    one = elicit(tmp_path / "questions.jsonl", tmp_path / "one.parquet", Config(model=str(tiny_model), split="train"))
    assert pq.read_table(one).num_rows == 1


def test_rows_that_make_no_sense_are_named(tmp_path: Path) -> None:
    for rows, said in (
        ([{"question": "?"}], "row 1: column 'prompt' is None; a question is a text"),
        ([QUESTIONS[0], {"prompt": "?", "answers": [{}]}], "row 2: column 'answers' is"),
        ([], "has no questions"),
    ):
        with pytest.raises(ArtefactError, match=said):
            elicit(written(tmp_path, rows), tmp_path / "out.parquet", Config(model="nobody/s"))
    with pytest.raises(ConfigError, match=r"name a \.parquet or \.arrow file"):
        elicit(tmp_path / "questions.jsonl", tmp_path / "out.csv", Config(model="nobody/s"))


def test_a_small_real_model_holds_the_form_after_examples(smollm2: str, tmp_path: Path) -> None:
    config = Config(model=smollm2, examples=True, samples=1, temperature=0.0)
    out = elicit(written(tmp_path, QUESTIONS[:2]), tmp_path / "out.parquet", config)
    found = pq.read_table(out).to_pylist()[0]
    assert (found["answer"], found["correct"], found["n_read"]) == ("Paris", True, 1)
    assert 0.5 < found["confidence"] <= 1


@pytest.fixture(scope="module")
def small(smollm2: str) -> Any:
    return backends.make("transformers", model=smollm2)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_runs_on_a_small_real_model(strategy: str, small: Any) -> None:
    config = Config(model="smollm2", strategy=strategy, examples=True, samples=1, max_tokens=64)
    (found,) = elicit_batch(asked("What is the capital of France?"), config, small, GRADER).to_pylist()
    assert (found["status"], found["error"]) == (schema.DONE, None)
    assert len(found["texts"]) == len(found["reasons"]) == 1
    read = found["reasons"][0] is None
    assert found["n_read"] == read
    assert (found["confidence"] is not None) == read
    assert read or strategy in UNREADABLE
    assert not read or 0 <= found["confidence"] <= 1
