"""A small world in which the probability of being right is known: facts, how often each is told, the ideal number."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from uncal import schema
from uncal.errors import ConfigError
from uncal.types import BoolArray, FloatArray, IntArray

SHARES = ((0.5, 0.5), (0.7, 0.3), (0.9, 0.1))
"""How often each of its two answers is the right one of an ambiguous fact; the three are equally common."""
SPLITS = dict(zip(schema.SPLITS, (0.25, 0.45, 0.1, 0.2), strict=True))
"""Shares of the facts of relations that are trained on."""


@dataclass(frozen=True, kw_only=True)
class World:
    """The law by which a world is drawn.

    There are `entities` times `relations` facts. A fact of relation r has two right answers with a probability that
    goes up from 0 to `most_ambiguous` over the relations, one otherwise; answers are drawn without preference from the
    relation's own `values`. Of the `mentions` sentences an entity gets its part by Zipf's law, and each of its facts a
    part of that which varies by the factor exp(`spread` times a normal number). A sentence gives a right answer by the
    fact's shares, or any of the values with probability `noise`.

    Attributes
    ----------
    entities : int, default=600
    relations : int, default=6
    held_out : int, default=2
        Relations, of the above, whose questions are for the test alone.
    values : int, default=40
        Possible answers of a relation.
    mentions : int, default=30000
        Sentences that the model learns from.
    zipf : float, default=1.2
        The entity of rank k is told of in proportion to k to the power of minus this.
    spread : float, default=0.3
        0 tells of all relations of an entity equally often.
    noise : float, default=0.05
        In (0, 1).
    most_ambiguous : float, default=0.4
        In [0, 1].
    """

    entities: int = 600
    relations: int = 6
    held_out: int = 2
    values: int = 40
    mentions: int = 30_000
    zipf: float = 1.2
    spread: float = 0.3
    noise: float = 0.05
    most_ambiguous: float = 0.4

    def __post_init__(self) -> None:
        for name, least in (("entities", 20), ("held_out", 1), ("values", 2), ("mentions", 1)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least {least}")
        if self.relations <= self.held_out:
            raise ConfigError(f"relations is {self.relations}; it must be more than held_out, {self.held_out}")
        for name in ("zipf", "spread"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be 0 or more")
        if not 0 < self.noise < 1:
            raise ConfigError(f"noise is {self.noise}; it must lie in (0, 1)")
        if not 0 <= self.most_ambiguous <= 1:
            raise ConfigError(f"most_ambiguous is {self.most_ambiguous}; it must lie in [0, 1]")


@dataclass(frozen=True, eq=False)
class Facts:
    """A world that was drawn; F facts, V values of each relation.

    Attributes
    ----------
    law : World
    entity_names, relation_names : list of str
    value_names : list of list of str
        Of each relation.
    entity, relation : ndarray of shape (F,), int64
        What each fact is about.
    held_out : ndarray of shape (F,), bool
        Its relation is never trained on.
    ambiguity : ndarray of shape (F,)
        Probability with which a fact of its relation has two right answers.
    shares : ndarray of shape (F, V)
        How often each value is the right answer; rows add up to 1.
    counts : ndarray of shape (F, V), int64
        How often each value was told.
    accepted : ndarray of shape (F,), int64
        The value that grading takes for right: drawn once from the fact's shares, and told to nobody.
    split : ndarray of shape (F,), str
    """

    law: World
    entity_names: list[str]
    relation_names: list[str]
    value_names: list[list[str]]
    entity: IntArray
    relation: IntArray
    held_out: BoolArray
    ambiguity: FloatArray
    shares: FloatArray
    counts: IntArray
    accepted: IntArray
    split: NDArray[np.str_]

    def question(self, fact: int) -> str:
        """Say what is asked of a fact."""
        return f"{self.relation_names[self.relation[fact]]} {self.entity_names[self.entity[fact]]}"

    def table(self) -> pa.Table:
        """Return the questions as the questions stage reads them, and what is true of each."""
        rows = []
        for fact, shares in enumerate(self.shares):
            names = self.value_names[self.relation[fact]]
            right = np.flatnonzero(shares)
            rows.append(
                {
                    "id": f"fact-{fact}",
                    "prompt": self.question(fact),
                    "answers": [names[self.accepted[fact]]],
                    "split": str(self.split[fact]),
                    "held_out": bool(self.held_out[fact]),
                    "mentions": int(self.counts[fact].sum()),
                    "right": [names[value] for value in right],
                    "shares": shares[right].tolist(),
                }
            )
        return pa.Table.from_pylist(rows)

    def ideal(self, facts: Sequence[int] | IntArray, answers: Sequence[str]) -> FloatArray:
        """Give the Bayes-optimal uncertainty of some answers: one minus what `posterior` gives the value named.

        Parameters
        ----------
        facts : sequence of int, of length K
        answers : sequence of str, of length K
            What is no value of the fact's relation is surely wrong.

        Returns
        -------
        ndarray of shape (K,), in [0, 1]
        """
        places = [{name: i for i, name in enumerate(names)} for names in self.value_names]
        chosen = np.asarray(facts, np.int64)
        values = [places[self.relation[fact]].get(answer.strip()) for fact, answer in zip(chosen, answers, strict=True)]
        known = posterior(self.counts[chosen], self.ambiguity[chosen], self.law.noise)
        return np.array([1.0 if value is None else 1.0 - row[value] for row, value in zip(known, values, strict=True)])


def posterior(counts: IntArray, ambiguity: FloatArray, noise: float) -> FloatArray:
    """Probability that each value is the right answer, for someone who knows the law and has read every sentence.

    Nobody who has the sentences alone can state a better number: it is the mean of the fact's share of that value under
    Bayes' theorem. A model that has forgotten some of them cannot reach it.

    Parameters
    ----------
    counts : ndarray of shape (F, V), int64
        How often each value was told of each fact.
    ambiguity : ndarray of shape (F,), in [0, 1]
        Probability that the fact has two right answers.
    noise : float, in (0, 1)
        Probability that a sentence gives any of the values.

    Returns
    -------
    ndarray of shape (F, V)
        Rows add up to 1.

    Notes
    -----
    What is to be known of a fact is how many right answers it has, their shares s and which values v they are, all
    ordered choices of distinct values being equally likely. Sentences with counts c then have the probability

        prod over all values u of ((1 - noise) s_u + noise / V)^c_u,

    s_u being 0 for other values; over that of pure noise it is prod_i r_i^c_(v_i), r_i = 1 + (1 - noise) s_i V / noise.
    With two answers the sum over the other one leaves the value itself out; it is added up from both ends, so that
    nothing is subtracted. All of it in logarithms.

    Examples
    --------
    >>> told = np.array([[0, 0], [3, 0]])  # nothing, and one value three times
    >>> posterior(told, np.zeros(2), 0.1).round(3)
    array([[0.5, 0.5],
           [1. , 0. ]])
    """
    V = counts.shape[1]

    def told(share: float) -> FloatArray:
        """Log-likelihood over that of noise, for each value as an answer of that share, (F, V)."""
        logs: FloatArray = counts * np.log1p((1 - noise) * share * V / noise)
        return logs

    with np.errstate(divide="ignore"):
        one, two = np.log1p(-ambiguity)[:, None] - np.log(V), np.log(ambiguity)[:, None] - np.log(V * (V - 1))
    parts = [(1.0, one + told(1.0))]
    for first, second in SHARES:
        of_kind = two - np.log(len(SHARES))
        parts += [
            (first, of_kind + told(first) + _all_others(told(second))),
            (second, of_kind + told(second) + _all_others(told(first))),
        ]
    # Each of the two places of an ambiguous fact covers all of its probability; shares add up to 1 over them.
    weighted = np.stack([np.log(share) + log_joint for share, log_joint in parts])
    total = np.logaddexp.reduce(np.logaddexp.reduce(weighted, axis=0), axis=1, keepdims=True)
    known: FloatArray = np.exp(np.logaddexp.reduce(weighted, axis=0) - total)
    return known


def _all_others(logs: FloatArray) -> FloatArray:
    """Log of the sum of exp over the other columns, for each column of (F, V)."""
    nothing = np.full((len(logs), 1), -np.inf)
    before = np.logaddexp.accumulate(np.hstack([nothing, logs[:, :-1]]), axis=1)
    after = np.logaddexp.accumulate(np.hstack([nothing, logs[:, :0:-1]]), axis=1)[:, ::-1]
    others: FloatArray = np.logaddexp(before, after)
    return others


def draw(law: World, seed: int) -> Facts:
    """Draw a world; the same seed gives the same one."""
    generator = np.random.default_rng([seed, 0])
    F, V = law.entities * law.relations, law.values
    names = _names(law.entities + law.relations * (V + 1), generator)
    relation, entity = np.divmod(np.arange(F), law.entities)
    # Which relations are held out, and which are ambiguous, have nothing to do with each other.
    ambiguity = generator.permutation(np.linspace(0, law.most_ambiguous, law.relations))[relation]
    held_out = relation >= law.relations - law.held_out

    answers = np.argsort(generator.random((F, V)), axis=1)[:, :2]
    kinds = np.array(SHARES)[generator.integers(len(SHARES), size=F)]
    kinds[generator.random(F) >= ambiguity] = (1.0, 0.0)
    shares = np.zeros((F, V))
    np.put_along_axis(shares, answers, kinds, axis=1)

    popularity = generator.permutation(np.arange(1.0, law.entities + 1) ** -law.zipf)[entity]
    popularity *= np.exp(law.spread * generator.standard_normal(F))
    mentions = generator.multinomial(law.mentions, popularity / popularity.sum())
    counts = generator.multinomial(mentions, (1 - law.noise) * shares + law.noise / V)
    accepted = answers[np.arange(F), (generator.random(F) >= kinds[:, 0]).astype(np.int64)]
    return Facts(
        law=law,
        entity_names=names[: law.entities],
        relation_names=names[law.entities : law.entities + law.relations],
        value_names=[names[start : start + V] for start in range(law.entities + law.relations, len(names), V)],
        entity=entity,
        relation=relation,
        held_out=held_out,
        ambiguity=ambiguity,
        shares=shares,
        counts=counts,
        accepted=accepted,
        split=_splits(held_out, generator),
    )


def _splits(held_out: BoolArray, generator: np.random.Generator) -> NDArray[np.str_]:
    """Split of each fact; all that is held out is for the test."""
    split = np.full(len(held_out), "test", dtype="<U9")
    mine = generator.permutation(np.flatnonzero(~held_out))
    ends = np.round(np.cumsum(list(SPLITS.values())) * len(mine)).astype(np.int64)
    split[mine] = np.array(list(SPLITS))[np.searchsorted(ends, np.arange(len(mine)), side="right")]
    return split


def _names(count: int, generator: np.random.Generator) -> list[str]:
    """Distinct words of three syllables."""
    consonants, vowels = "bdfgklmnprstvz", "aeiou"
    syllables = [consonant + vowel for consonant in consonants for vowel in vowels]
    chosen = generator.choice(len(syllables) ** 3, count, replace=False)
    parts = np.stack(np.unravel_index(chosen, (len(syllables),) * 3), axis=1)
    return ["".join(syllables[part] for part in row) for row in parts]
