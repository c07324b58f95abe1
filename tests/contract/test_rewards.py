"""What every reward promises: run by the real GRPOTrainer on a small model from scratch, and by TRL's command line."""

import json
import math
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uncal import rewards
from uncal.parse import FORMATS
from uncal.plugins import load, names
from uncal.rewards import make
from uncal.rewards.segmented import Segmented
from uncal.types import Reward

ROOT = Path(__file__).parents[2]
NAMES = names("rewards")
COLUMNS: dict[str, list[Any]] = {"uncertainty": [0.3, 0.3, 0.9], "correct": [True, True, False]}
COLUMNS["answers"] = [["a"], ["a"], ["b"]]
NUMBERS = ["nan", "inf", "-inf", "150", "90%", "-0.1", "1e-1", "0,3", "1.01", "", "ten", "\u0661", "0.3 0.4"]
BLANK = ["", " \n", "90%", "nan", "uncertainty 0.3", "</think>", "<think>", "<uncertainty>0.3", "</confidence>"]
MIXES = [{"distance": "squared"}, {"distance": "absolute"}, {"distance": "absolute", "share": 0.0}]
VARIANTS = [(name, {}) for name in NAMES] + [("mix", settings) for settings in MIXES]
VARIANTS += [("segmented", {"target": "pass_rate"}), ("target_match", {"dead_zone": 0.0})]
VARIANTS += [("rlcr", {"brier_weight": weight, "accuracy_weight": 0.1}) for weight in (0.0, 2.0)]


@pytest.fixture(params=NAMES)
def reward(request: pytest.FixtureRequest) -> Reward:
    return make(request.param)


def values(reward: Reward) -> list[float]:
    """Every uncertainty that the reward's format can write."""
    steps = 10 if reward.format == "confidence_of_ten" else 100
    return [i / steps for i in range(steps + 1)]


def completion(reward: Reward, stated: str, answer: str) -> str:
    """A whole completion, around a number that is written out."""
    block = f"<answer>{answer}</answer>"
    return {
        "answer_first": stated,
        "together": f"{block} Hm. {stated}",
        "confidence_first": f"{stated} Well. {block}",
    }[reward.order]


def hostile(reward: Reward) -> list[str]:
    """Completions in which no number can be read."""
    tag = FORMATS[reward.format].write(0.0)[1:].partition(">")[0]
    inside = [completion(reward, f"<{tag}>{number}</{tag}>", "a") for number in NUMBERS]
    good = completion(reward, FORMATS[reward.format].write(0.3), "a")
    return [*BLANK, *inside, f"{good} more", good.replace(f"</{tag}>", ""), f"{good}<{tag}>nan</{tag}>"]


def columns(count: int) -> dict[str, Any]:
    return {name: [column[0]] * count for name, column in COLUMNS.items()}


def expected(reward: Reward, p: float) -> dict[float, float]:
    """Expected reward of every statement about an answer that is right with probability p, by what is stated.

    The target, for those that read one, is the outcome itself: its mean is 1 - p.
    """
    stated = values(reward)
    texts = [
        completion(reward, FORMATS[reward.format].write(u), answer) for u in stated for answer in ("right", "wrong")
    ]
    got = reward(
        texts,
        uncertainty=[0.0, 1.0] * len(stated),
        correct=[True, False] * len(stated),
        answers=[["right"]] * len(texts),
        prompts=[str(i) for i in range(len(texts))],  # each a group: its pass rate is its outcome
    )
    known = [value for value in got if value is not None]
    assert len(known) == len(got)
    return {u: p * known[2 * i] + (1 - p) * known[2 * i + 1] for i, u in enumerate(stated)}


def best(reward: Reward, p: float) -> list[float]:
    found = expected(reward, p)
    top = max(found.values())
    return [u for u, value in found.items() if value >= top - 1e-12]


@pytest.mark.parametrize(("name", "fields"), VARIANTS, ids=str)
@given(p=st.floats(0, 1))
@settings(max_examples=30)
def test_a_proper_one_is_best_at_the_honest_number_and_an_improper_one_somewhere_is_not(
    name: str, fields: dict[str, Any], p: float
) -> None:
    reward = make(name, **fields)
    grid = values(reward)
    if reward.proper:
        honest = 1 - p
        beside = sorted(grid, key=lambda u: abs(u - honest))[:2]  # an asymmetric score may prefer the further one
        assert set(best(reward, p)) <= set(beside)
        exact = min(grid, key=lambda u: abs(u - honest))
        assert best(reward, 1 - exact) == [exact]
    else:
        assert best(reward, 0.7) != [0.3]


def test_there_is_one_number_or_none_for_each_completion(reward: Reward) -> None:
    write = FORMATS[reward.format].write
    given = reward([completion(reward, write(0.3), "a"), "x", completion(reward, write(0.1), "a")], **COLUMNS)
    assert len(given) == 3
    assert all(isinstance(value, float) and math.isfinite(value) for value in given)
    assert reward([], **{name: [] for name in COLUMNS}) == []


def test_what_cannot_be_read_gets_the_reward_of_the_malformed_and_less_than_a_good_number(reward: Reward) -> None:
    texts = hostile(reward)
    got = reward(texts, **columns(len(texts)))
    nothing = reward([""], **columns(1))[0]
    good = reward([completion(reward, FORMATS[reward.format].write(0.3), "a")], **columns(1))[0]
    assert nothing is not None
    assert good is not None
    assert all(value is not None and math.isfinite(value) and value < good for value in got)
    if isinstance(reward, Segmented):  # rewards an answer whatever stands beside it
        got, nothing = reward.parts(texts, **columns(len(texts)))[0].tolist(), reward.malformed
    assert got == [nothing] * len(texts)


def test_the_last_number_counts(reward: Reward) -> None:
    write = FORMATS[reward.format].write
    twice = completion(reward, f"{write(0.9)} no: {write(0.3)}", "a")
    assert reward([twice], **columns(1)) == reward([completion(reward, write(0.3), "a")], **columns(1))


def test_texts_and_messages_are_the_same_with_and_without_what_was_thought(reward: Reward) -> None:
    text = completion(reward, FORMATS[reward.format].write(0.3), "a")
    thought = f"A tag, <uncertainty>, or two.</think>\n{text}"  # the opening tag stood in the prompt
    forms: list[Any] = [
        text,
        thought,
        f"<think>{thought}",
        [{"role": "assistant", "content": text}],
        [{"role": "assistant", "content": "?"}, {"role": "assistant", "content": [{"type": "text", "text": text}]}],
    ]
    assert len(set(reward(forms, **columns(len(forms))))) == 1
    empty: list[Any] = [[], [{"role": "assistant", "content": None}], ""]
    assert len(set(reward(empty, **columns(len(empty))))) == 1


def test_a_value_that_is_missing_skips_the_completion(reward: Reward) -> None:
    text = completion(reward, FORMATS[reward.format].write(0.3), "a")
    for name in reward.needs:
        for missing in (None, [] if name == "answers" else math.nan):
            got = reward([text] * 2, **columns(2) | {name: [COLUMNS[name][0], missing]})
            assert got[0] is not None
            assert got[1] is None


def test_a_column_that_is_missing_or_of_another_length_is_named(reward: Reward) -> None:
    for name in reward.needs:
        others = {other: column for other, column in columns(2).items() if other != name}
        with pytest.raises(ValueError, match=f"no column '{name}', which {reward.__name__} reads"):
            reward(["", ""], **others)
        with pytest.raises(ValueError, match=f"{name} has 1 entries; it must have one for each of the 2"):
            reward(["", ""], **columns(2) | {name: [COLUMNS[name][0]]})


def test_what_has_parts_credits_them_apart(reward: Reward) -> None:
    """The train stage takes the method `parts` for that."""
    if (parts := getattr(reward, "parts", None)) is not None:
        texts = [completion(reward, FORMATS[reward.format].write(u), "a") for u in (0.0, 0.3, 0.9)]
        rewarded = parts(texts, **COLUMNS)
        assert rewarded.shape == (2, 3)
        assert rewarded.sum(0).tolist() == reward(texts, **COLUMNS)


def test_it_has_a_name_and_pickles(reward: Reward, request: pytest.FixtureRequest) -> None:
    assert reward.__name__ == request.node.callspec.params["reward"]
    assert pickle.loads(pickle.dumps(reward)) == reward


def test_its_plain_function_is_it_with_its_defaults(reward: Reward) -> None:
    function = getattr(rewards, f"{reward.__name__}_reward")
    texts = [completion(reward, FORMATS[reward.format].write(u), "a") for u in (0.0, 0.3, 0.9)]
    assert function(texts, **COLUMNS) == reward(texts, **COLUMNS)
    assert load("rewards", f"uncal.rewards.{reward.__name__}:{function.__name__}") is function


def test_every_reward_has_a_page_that_names_its_source(reward: Reward) -> None:
    name = reward.__name__
    page = (ROOT / "docs" / "objectives" / f"{name}.md").read_text()
    assert f"::: uncal.rewards.{name}." in page
    assert f"| source and status | {reward.source} |" in page
    assert f"| proper | {'yes' if reward.proper else 'no'}" in page
    index = (ROOT / "docs" / "objectives" / "index.md").read_text()
    needs = ", ".join(f"`{column}`" for column in sorted(reward.needs)) or "nothing"
    assert f"| [{name}]({name}.md) | {reward.order} | {needs} |" in index
    assert f"objectives/{name}.md" in (ROOT / "mkdocs.yml").read_text()


def rows(count: int) -> list[dict[str, Any]]:
    prompt = [{"role": "user", "content": "How sure are you?"}]
    return [{"prompt": prompt, "uncertainty": 0.3, "correct": True, "answers": ["a"]}] * count


@pytest.mark.filterwarnings("ignore")
def test_a_plain_grpo_trainer_runs_them(tiny_model: Path, tmp_path: Path) -> None:
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import GRPOConfig, GRPOTrainer

    trainer: Any = GRPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(tiny_model),
        args=GRPOConfig(
            output_dir=str(tmp_path),
            max_steps=1,
            per_device_train_batch_size=4,
            num_generations=2,
            max_completion_length=4,
            bf16=False,
            gradient_checkpointing=False,
            report_to=[],
            logging_steps=1,
        ),
        reward_funcs=[make(name) for name in NAMES],
        train_dataset=Dataset.from_list(rows(2)),
        processing_class=AutoTokenizer.from_pretrained(tiny_model),
    )
    trainer.train()
    logged = trainer.state.log_history[0]
    for name in NAMES:
        assert logged[f"rewards/{name}/mean"] == pytest.approx(make(name)([""], **columns(1))[0])
        assert logged[f"{name}/malformed"] == 1.0  # the model knows nothing
        assert logged[f"{name}/distinct"] == 0.0
    assert logged["reward"] == pytest.approx(sum(logged[f"rewards/{name}/mean"] for name in NAMES))


@pytest.mark.filterwarnings("ignore")
def test_the_command_line_of_trl_takes_the_plain_functions_by_dotted_path(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyarrow.parquet as pq
    from trl.scripts.grpo import main, make_parser

    data = tmp_path / "data"
    data.mkdir()
    (data / "train.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows(4)))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    functions = [f"uncal.rewards.{name}_reward" for name in NAMES]
    arguments = {
        "model_name_or_path": tiny_model,
        "dataset_name": data,
        "output_dir": tmp_path / "out",
        "max_steps": 1,
        "per_device_train_batch_size": 4,
        "num_generations": 2,
        "max_completion_length": 4,
        "bf16": False,
        "gradient_checkpointing": False,
        "report_to": "none",
        "logging_steps": 1,
        "log_completions": True,
    }
    words: Sequence[str] = [word for name, value in arguments.items() for word in (f"--{name}", str(value))]
    parsed = make_parser().parse_args_and_config([*words, "--reward_funcs", *functions])
    main(*parsed[:4])
    written = pq.read_table(next((tmp_path / "out" / "completions").glob("*.parquet")))
    for name in NAMES:
        assert all(value is not None for value in written[f"{name}_reward"].to_pylist())
        assert written[f"{name}/uncertainty"].to_pylist() == [None] * 4
