"""Scores of tokens: of a frozen answer, or of the samples."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from uncal import fast
from uncal.types import FloatArray, Groups, IntArray, Scorer


@contextmanager
def naming(**columns: str) -> Iterator[None]:
    """Give arguments of kernels the names of the columns that they were given, in what is said of them."""
    try:
        yield
    except ValueError as error:
        argument, _, said = str(error).partition(":")
        if argument not in columns:
            raise
        raise ValueError(f"{columns[argument]}:{said}") from error


def group_means(values: FloatArray, offsets: IntArray) -> FloatArray:
    """Average the rows of each group."""
    sizes = np.diff(offsets)
    if not sizes.all():
        raise ValueError(f"offsets: group {int((sizes == 0).argmax())} is empty")
    return np.asarray(np.add.reduceat(values, offsets[:-1]) / sizes) if len(sizes) else np.zeros(0)


def ends(groups: Groups, name: str) -> IntArray:
    """Give the offsets of tokens or sentences; `ValueError` if these groups have none."""
    found: IntArray = groups.column(name)
    return found


def as_list(texts: Any) -> list[str]:
    """Give a column of texts as a list."""
    return texts if isinstance(texts, list) else texts.to_pylist()


class OfAnswer(Scorer):
    """A score of the log-probabilities of the tokens of a frozen answer."""

    needs: ClassVar[frozenset[str]] = frozenset({"answer_logprobs"})

    def logprobs(self, groups: Groups, *, mean: bool = False) -> FloatArray:
        """Give the log-probability of each answer, or the mean of its tokens'."""
        values = groups.column("answer_logprobs")
        with naming(logprobs="answer_logprobs", offsets="answer_offsets"):
            return fast.sequence_logprobs(values, ends(groups, "answer_offsets"), mean=mean)


def sample_logprobs(groups: Groups, *, mean: bool = False) -> FloatArray:
    """Give the log-probability of each completion, or the mean of its tokens'."""
    values = groups.column("token_logprobs")
    with naming(logprobs="token_logprobs", offsets="token_offsets"):
        return fast.sequence_logprobs(values, ends(groups, "token_offsets"), mean=mean)


@dataclass(frozen=True, kw_only=True)
class OfTop(Scorer):
    """A score of the most probable tokens at each place: of the frozen answer, or the mean of it over the samples."""

    of: Literal["answer", "samples"] = "answer"

    @property
    def needs(self) -> frozenset[str]:
        """The most probable tokens of what it is a score of."""
        return frozenset({"answer_top_logprobs" if self.of == "answer" else "top_logprobs"})

    def measured(self, groups: Groups, measure: Callable[..., FloatArray], **settings: Any) -> FloatArray:
        """Measure answers, or samples and average them by group."""
        name, offsets = ("answer_top_logprobs", "answer_offsets")
        if self.of == "samples":
            name, offsets = ("top_logprobs", "token_offsets")
        values = groups.column(name)
        with naming(top_logprobs=name, offsets=offsets):
            found = measure(values, ends(groups, offsets), **settings)
        return found if self.of == "answer" else group_means(found, groups.offsets)


@dataclass(frozen=True, kw_only=True)
class OfDistribution(OfTop):
    """A score of whole distributions, which have a tail beyond the tokens that are listed."""

    tail: Literal["renorm", "atom"] = "renorm"
    vocabulary: int | None = None

    def __post_init__(self) -> None:
        size: Any = self.vocabulary
        if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 1):
            raise ValueError(f"vocabulary is {size!r}; it must be a whole number above 0")

    @property
    def unread(self) -> dict[str, str]:
        """The rule for the tail, where it is spread over a vocabulary."""
        return {} if self.vocabulary is None else {"tail": "vocabulary=None"}

    @property
    def tails(self) -> dict[str, Any]:
        """The rule for the tail as kernels take it."""
        if self.vocabulary is None:
            return {"tail": self.tail}
        return {"tail": "uniform", "vocabulary": self.vocabulary}
