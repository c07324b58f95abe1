"""What every scorer promises, with each thing that it can read."""

import pickle
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import pyarrow as pa
import pytest

from uncal import schema, scorers
from uncal.plugins import class_name, load, names
from uncal.scorers import make
from uncal.scorers.sar import Sar
from uncal.scorers.sentence_sar import SentenceSar
from uncal.types import ANSWER_TOKENS, ROWS, SENTENCES, SQUARES, TOKENS, Groups, Scorer

ROOT = Path(__file__).parents[2]
PICKS = ("similarity", "clusters", "estimator", "kernel", "rule", "of", "surprise", "with_answer")
"""Settings that choose what a scorer reads."""


def choices(hint: Any) -> tuple[Any, ...]:
    return (True, False) if hint is bool else get_args(hint)


def variants() -> list[Any]:
    """Every scorer with its default settings, and with each value of a setting that chooses what it reads."""
    found = []
    for name in names("scorers"):
        kind = load("scorers", name)
        hints = get_type_hints(kind)
        picks = {field.name: field.default for field in fields(kind) if field.name in PICKS}
        settings = [
            {},
            *({key: value} for key, usual in picks.items() for value in choices(hints[key]) if value != usual),
        ]
        found += [pytest.param((name, each), id="-".join([name, *map(str, each.values())])) for each in settings]
    return found


@pytest.fixture(params=variants())
def scorer(request: pytest.FixtureRequest) -> Scorer:
    name, settings = request.param
    return make(name, **settings)


WORDS = ["alpha beta", "gamma delta", "epsilon zeta", "eta theta"]


@pytest.fixture
def groups() -> Groups:
    """Three groups of four: answered alike, two ways, every which way, each less probable; every token twice."""
    rng = np.random.default_rng(0)
    meanings = np.array([0, 0, 0, 0, 0, 0, 1, 1, 0, 1, 2, 3])
    rows = np.concatenate([rng.normal(size=(4, 8))[meanings[p : p + 4]] for p in (0, 4, 8)])
    same = np.stack([meanings[p : p + 4, None] == meanings[p : p + 4] for p in (0, 4, 8)])
    surprise = np.repeat([0.1, 0.5, 1.0], 4) + 0.01 * rng.random(12)
    tops = np.log([[0.9, 0.05, 0.02], [0.6, 0.3, 0.05], [0.4, 0.3, 0.2]])
    alike, against = np.where(same, 0.9, 0.05), np.where(same, 0.0, 0.9)
    return Groups(
        np.array([0, 4, 8, 12]),
        rows,
        pa.array([WORDS[m] for m in meanings]),
        np.repeat([-1.8, -2.0, -2.2], 4),
        np.where(same, 1.0, 0.05).reshape(-1),
        against.reshape(-1),
        token_logprobs=-np.repeat(surprise, 2),
        top_logprobs=np.repeat(tops, 8, axis=0),
        relevance=np.tile([0.2, 0.6], 12),
        token_offsets=np.arange(0, 25, 2),
        sentence_entail=np.repeat(alike, 2, axis=1).reshape(-1),
        sentence_contra=np.repeat(against, 2, axis=1).reshape(-1),
        sentence_offsets=np.arange(0, 25, 2),
        answer=pa.array([WORDS[0]] * 3),
        answer_entail=alike[:, 0].reshape(-1),
        answer_contra=against[:, 0].reshape(-1),
        answer_logprobs=-np.repeat([0.1, 0.5, 1.0], 2),
        answer_top_logprobs=np.repeat(tops, 2, axis=0),
        answer_relevance=np.tile([0.2, 0.6], 3),
        answer_top_classes=np.tile([1, -1, 0], (6, 1)),
        answer_offsets=np.array([0, 2, 4, 6]),
    )


ENDS = ("token_offsets", "sentence_offsets", "answer_offsets")


def only(groups: Groups, needs: frozenset[str]) -> Groups:
    return Groups(groups.offsets, **{name: getattr(groups, name) for name in (*needs, *ENDS)})


def shuffled(groups: Groups, order: list[int]) -> Groups:
    def rows(values: Any) -> Any:
        return values.reshape(3, 4, -1)[:, order].reshape(values.shape)

    def cells(values: Any) -> Any:
        return values.reshape(3, 4, -1, 4)[:, order][..., order].reshape(-1)

    moved: dict[str, Any] = {name: rows(getattr(groups, name)) for name in (*ROWS, *TOKENS) if name != "texts"}
    moved |= {name: cells(getattr(groups, name)) for name in (*SQUARES, *SENTENCES)}
    texts = np.array(groups.texts.to_pylist()).reshape(3, 4)[:, order].reshape(-1).tolist()
    return replace(groups, texts=texts, **moved)


def test_higher_means_less_sure(scorer: Scorer, groups: Groups) -> None:
    alike, two, every = scorer(groups)
    assert alike < two < every
    assert scorer.direction == "higher is less sure"


def test_order_inside_a_group_and_other_groups_do_not_matter(scorer: Scorer, groups: Groups) -> None:
    scores = scorer(groups)
    np.testing.assert_allclose(scorer(shuffled(groups, [2, 0, 3, 1])), scores, atol=1e-12)
    for p in range(3):
        assert scorer(groups.take(np.arange(3) == p))[0] == scores[p]


def test_a_group_of_one_is_as_sure_as_can_be_unless_its_own_probability_is_the_score(scorer: Scorer) -> None:
    pair, one = np.array([0, 2]), np.array([1.0])
    tops = np.log([[0.6, 0.3], [0.6, 0.3]])
    lone = Groups(
        np.array([0, 1]),
        *(np.array([[3.0, 4.0]]), ["x"], np.array([-1.0]), one, 0 * one),
        **{"token_logprobs": np.array([-0.5, -0.5]), "top_logprobs": tops, "relevance": np.array([0.5, 0.5])},
        **{"token_offsets": pair, "sentence_offsets": pair, "sentence_entail": pair / 4, "sentence_contra": pair / 4},
        **{"answer": ["x"], "answer_entail": one, "answer_contra": 0 * one, "answer_offsets": pair},
        **{"answer_logprobs": np.array([-0.5, -0.5]), "answer_top_logprobs": tops},
        **{"answer_relevance": np.array([0.5, 0.5]), "answer_top_classes": np.array([[1, -1], [1, -1]])},
    )
    compares = scorer.needs & {"embeddings", "texts", "entail", "answer_entail", "sentence_entail"}
    if compares and not isinstance(scorer, Sar | SentenceSar):
        counts = ("EigenvalueLaplacian", "NumSemanticSets")
        assert scorer(lone)[0] == (1 if type(scorer).__name__ in counts else 0)
    else:
        assert abs(scorer(lone)[0]) > 0.001


def test_it_reads_what_it_says_it_needs_and_nothing_else(scorer: Scorer, groups: Groups) -> None:
    assert frozenset() < scorer.needs <= set(schema.COLUMNS)
    np.testing.assert_array_equal(scorer(only(groups, scorer.needs)), scorer(groups))
    for name in scorer.needs:
        with pytest.raises(ValueError, match=f"{name}: needed here, and these groups have none"):
            scorer(only(groups, scorer.needs - {name}))


OTHER = {"gamma": 3.0, "t": 2.0, "nu": 3.0, "kappa": 3.0, "linkage": "single", "threshold": 0.1}
OTHER |= {"rule": "soft", "algorithm": "components"}


def test_settings_that_it_does_not_read_change_nothing(scorer: Scorer, groups: Groups) -> None:
    assert set(scorer.unread) <= {field.name for field in fields(scorer)}  # type: ignore[arg-type]
    for name, when in scorer.unread.items():
        other: Any = replace(scorer, **{name: OTHER[name]})  # type: ignore[type-var]
        np.testing.assert_array_equal(other(groups), scorer(groups))
        for setting, choice in (each.split("=") for each in when.split(" or ")):
            assert name not in replace(other, **{setting: choice}).unread


def test_it_says_what_it_gives(scorer: Scorer) -> None:
    assert all((scorer.range, scorer.unit, scorer.source, scorer.cost))
    assert "Status" in (type(scorer).__doc__ or "")


def test_it_compares_and_pickles(scorer: Scorer) -> None:
    again = pickle.loads(pickle.dumps(scorer))
    assert again == scorer
    assert hash(again) == hash(scorer)


def test_bad_groups_are_nan_where_told_so_and_errors_otherwise(scorer: Scorer, groups: Groups) -> None:
    if "embeddings" not in scorer.needs:
        pytest.skip("it reads no embeddings")
    groups = only(groups, scorer.needs)
    whole = scorers.score({"it": scorer}, groups)["it"]
    assert groups.embeddings is not None
    rows = groups.embeddings.copy()
    rows[5, 3] = np.nan
    bad = replace(groups, embeddings=rows, nan_policy="propagate")
    np.testing.assert_array_equal(scorers.score({"it": scorer}, bad)["it"], [whole[0], np.nan, whole[2]])
    gap: Any = {"offsets": np.array([0, 4, 4, 8, 12]), "answer_offsets": None}
    empty = replace(groups, **gap, nan_policy="propagate")
    np.testing.assert_array_equal(scorers.score({"it": scorer}, empty)["it"], [whole[0], np.nan, *whole[1:]])
    for wrong in (replace(bad, nan_policy="raise"), replace(empty, nan_policy="raise")):
        with pytest.raises(ValueError, match=r"row 5|group 1"):
            scorers.score({"it": scorer}, wrong)


def test_what_makes_no_sense_is_an_error_that_names_the_column_also_where_bad_groups_are_nan(
    scorer: Scorer, groups: Groups
) -> None:
    for name in scorer.needs & {"logprobs", *TOKENS, *ANSWER_TOKENS, "answer_entail", "sentence_entail"}:
        values = getattr(groups, name).astype(float).copy()
        values.reshape(-1)[-2:] = np.nan  # the last sentence's own completion is not read
        wrong: Any = {name: values, "nan_policy": "propagate"}
        with pytest.raises(ValueError, match=f"^{name}: "):
            scorers.score({"it": scorer}, replace(only(groups, scorer.needs), **wrong))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scored_together_they_give_the_same_bits_as_alone(groups: Groups, dtype: type) -> None:
    assert groups.embeddings is not None
    groups = replace(groups, embeddings=groups.embeddings.astype(dtype))
    several = {str(variant.id): make(variant.values[0][0], **variant.values[0][1]) for variant in variants()}
    several |= {f"renyi_entropy-{alpha}": make("renyi_entropy", alpha=alpha) for alpha in (0.5, 1.0, 3.0, np.inf)}
    together = scorers.score(several, groups)
    assert list(together) == list(several)
    for name, scorer in several.items():
        np.testing.assert_array_equal(together[name], scorer(groups), err_msg=name)


@pytest.mark.parametrize("name", names("scorers"))
def test_it_has_a_page_in_the_documentation(name: str) -> None:
    assert f"scorers/{name}.md" in (ROOT / "mkdocs.yml").read_text()
    page = (ROOT / "docs" / "scorers" / f"{name}.md").read_text()
    assert f"::: uncal.scorers.{name}.{class_name(name)}\n" in page
    assert f"[{name}]({name}.md)" in (ROOT / "docs" / "scorers" / "index.md").read_text()
