"""The few types that every kind of plugin shares, and the protocol of each kind.

Shape letters: P prompts (groups), N completions of one prompt, K completions in all, D dimensions.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, TypedDict

import numpy as np
from numpy.typing import NDArray

from uncal.errors import ConfigError

FloatArray = NDArray[np.float64]
RealArray = NDArray[np.float32] | NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

NanPolicy = Literal["raise", "propagate"]


class Message(TypedDict):
    """One turn of a conversation, as chat templates take it."""

    role: str
    content: str


Prompt = str | list[Message]


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How completions are drawn.

    Attributes
    ----------
    n : int, default=1
        Completions of each prompt.
    temperature : float, default=1.0
        Divides the logits; 0 takes the most probable token each time.
    top_p : float, default=1.0
        Keep the smallest set of tokens whose probabilities add up to this; 1 keeps all.
    max_tokens : int, default=64
        A completion is cut after so many tokens.
    seed : int, default=0
        The same seed and prompts give the same completions.
    top_logprobs : int, default=0
        Give the largest log-probabilities at every token besides, so many of them.
    token_texts : bool, default=False
        Give the text of every token besides.
    top_texts : bool, default=False
        Give the texts of the tokens besides that have those largest log-probabilities.
    """

    n: int = 1
    temperature: float = 1.0
    top_p: float = 1.0
    max_tokens: int = 64
    seed: int = 0
    top_logprobs: int = 0
    token_texts: bool = False
    top_texts: bool = False

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ValueError(f"n is {self.n}; draw at least 1 completion of a prompt")
        if not self.temperature >= 0:
            raise ValueError(f"temperature is {self.temperature}; it must be 0 or more")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p is {self.top_p}; it must lie in (0, 1]")
        if self.max_tokens < 1:
            raise ValueError(f"max_tokens is {self.max_tokens}; it must be at least 1")
        if self.top_logprobs < 0:
            raise ValueError(f"top_logprobs is {self.top_logprobs}; it must be 0 or more")


class Completion(NamedTuple):
    """One generated text.

    Attributes
    ----------
    text : str
        Without special tokens and surrounding white space.
    tokens : list of int
        Its tokens, the one that ended it included; empty where a server does not tell them.
    logprobs : list of float
        Natural-log probability of each token under the untempered distribution (T = 1); empty where a server does not
        tell them.
    finish_reason : str
        "stop" at the end of the turn, "length" when cut at ``max_tokens``; a server may have a word of its own.
    top_logprobs : list of list of float, or None
        At each token the `Sampling.top_logprobs` largest log-probabilities of that distribution, largest first; None
        unless asked for, and where a server does not tell them.
    token_texts : list of str, or None
        What each token adds to the text, white space too; a token that adds nothing, as one that ends the turn, has "".
        None unless asked for, and where a server does not tell them.
    top_texts : list of list of str, or None
        What the tokens of `top_logprobs` would have added in its place.
    """

    text: str
    tokens: list[int]
    logprobs: list[float]
    finish_reason: str
    top_logprobs: list[list[float]] | None = None
    token_texts: list[str] | None = None
    top_texts: list[list[str]] | None = None


class CompletionGroup(NamedTuple):
    """The completions of one prompt, or why there are none."""

    completions: list[Completion]
    error: str | None = None


ROWS = ("embeddings", "texts", "logprobs", "answer_entail", "answer_contra")
"""Columns of `Groups` with an entry for each completion."""
SQUARES = ("entail", "contra")
"""Those with a matrix for each group."""
TOKENS = ("token_logprobs", "top_logprobs", "relevance")
"""Those with an entry for each token of each completion."""
SENTENCES = ("sentence_entail", "sentence_contra")
"""Those with an entry for each sentence of each completion and each completion of its group."""
ANSWER_TOKENS = ("answer_logprobs", "answer_top_logprobs", "answer_top_classes", "answer_relevance")
"""Those with an entry for each token of each frozen answer."""


@dataclass(frozen=True, eq=False)
class Groups:
    """Columns of K completions, the rows of a group next to each other, and where each group starts.

    A column that nobody needs may be None. Beside its completions a group may have one frozen answer: that which is
    judged.

    Attributes
    ----------
    offsets : ndarray of shape (P + 1,), int64
        Group p is rows ``offsets[p]`` to ``offsets[p + 1]``; zeros where frozen answers are all that is known.
    embeddings : ndarray of shape (K, D), optional
    texts : pyarrow array of strings, or list of str, of length K, optional
    logprobs : ndarray of shape (K,), optional
        Log-likelihood of each completion as a whole, in nats.
    entail, contra : ndarray of shape (sum of n_p squared,), optional
        Of each group its (n, n) matrix, one after the other: how likely completion i entails, or contradicts, j.
    token_logprobs : ndarray of shape (T,), optional
        Natural-log probability of each token of each completion.
    top_logprobs : ndarray of shape (T, k), optional
        Those of the k most probable tokens at each place; -inf where fewer are known.
    relevance : ndarray of shape (T,), optional
        How much a completion's meaning changes without the token, in [0, 1].
    token_offsets : ndarray of shape (K + 1,), int64, optional
        Completion i has tokens ``token_offsets[i]`` to ``token_offsets[i + 1]``.
    sentence_entail, sentence_contra : ndarray of shape (sum of n_p m_p,), optional
        Of each of the m_p sentences of a group, how likely each of its n_p completions entails, or contradicts, it.
    sentence_offsets : ndarray of shape (K + 1,), int64, optional
        Completion i has sentences ``sentence_offsets[i]`` to ``sentence_offsets[i + 1]``.
    answer : pyarrow array of strings, or list of str, of length P, optional
        The frozen answers.
    answer_entail, answer_contra : ndarray of shape (K,), optional
        How likely the frozen answer entails, or contradicts, each completion.
    answer_logprobs, answer_top_logprobs, answer_relevance : ndarray of shape (A,), (A, k) and (A,), optional
        What `token_logprobs`, `top_logprobs` and `relevance` are of completions.
    answer_top_classes : ndarray of shape (A, k), int64, optional
        Of the tokens of `answer_top_logprobs`: 1 entails the token that was written, as it does itself, 0 is neutral,
        -1 contradicts it.
    answer_offsets : ndarray of shape (P + 1,), int64, optional
        The answer of group p has tokens ``answer_offsets[p]`` to ``answer_offsets[p + 1]``.
    nan_policy : {"raise", "propagate"}, default="raise"
        An empty group, and one of whose embeddings a value is not finite, is a `ValueError`, or has the score NaN, as
        kernels with a `nan_policy` do it; `uncal.scorers.score` sees to it for every scorer.
    """

    offsets: IntArray
    embeddings: NDArray[Any] | None = None
    texts: Any = None
    logprobs: NDArray[Any] | None = None
    entail: NDArray[Any] | None = None
    contra: NDArray[Any] | None = None
    token_logprobs: NDArray[Any] | None = None
    top_logprobs: NDArray[Any] | None = None
    relevance: NDArray[Any] | None = None
    token_offsets: IntArray | None = None
    sentence_entail: NDArray[Any] | None = None
    sentence_contra: NDArray[Any] | None = None
    sentence_offsets: IntArray | None = None
    answer: Any = None
    answer_entail: NDArray[Any] | None = None
    answer_contra: NDArray[Any] | None = None
    answer_logprobs: NDArray[Any] | None = None
    answer_top_logprobs: NDArray[Any] | None = None
    answer_relevance: NDArray[Any] | None = None
    answer_top_classes: NDArray[Any] | None = None
    answer_offsets: IntArray | None = None
    nan_policy: NanPolicy = "raise"

    def column(self, name: str) -> Any:
        """Give a column by its name; `ValueError` if these groups have none."""
        values = getattr(self, name)
        if values is None:
            raise ValueError(f"{name}: needed here, and these groups have none")
        return values

    def take(self, kept: BoolArray) -> "Groups":
        """Copy some of the groups.

        Parameters
        ----------
        kept : ndarray of shape (P,), bool

        Examples
        --------
        >>> groups = Groups(np.array([0, 1, 3]), logprobs=np.array([-1.0, -2.0, -3.0]))
        >>> groups.take(np.array([False, True])).logprobs.tolist()
        [-2.0, -3.0]
        """
        sizes = np.diff(self.offsets)
        rows = np.repeat(kept, sizes)
        found: dict[str, Any] = {name: _some(getattr(self, name), rows) for name in ROWS}
        found["answer"] = _some(self.answer, kept)
        cells = np.repeat(kept, sizes * sizes)
        found |= {name: _some(getattr(self, name), cells) for name in SQUARES}
        for ends, names, owners, width in (
            ("token_offsets", TOKENS, rows, 1),
            ("sentence_offsets", SENTENCES, rows, np.repeat(sizes, sizes)),
            ("answer_offsets", ANSWER_TOKENS, kept, 1),
        ):
            if (inner := getattr(self, ends)) is not None:
                counts = np.diff(inner)
                parts = np.repeat(owners, counts * width)
                found |= {name: _some(getattr(self, name), parts) for name in names}
                found[ends] = _ends(counts[owners])
        return Groups(_ends(sizes[kept]), nan_policy=self.nan_policy, **found)


def _ends(sizes: IntArray) -> IntArray:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _some(values: Any, chosen: BoolArray) -> Any:
    if values is None:
        return None
    if isinstance(values, list | tuple):
        return list(compress(values, chosen))
    return values.filter(chosen) if hasattr(values, "filter") else values[chosen]


class Backend(Protocol):
    """Prompts -> completions: as many as asked for each prompt, in order, failures named.

    Attributes
    ----------
    shard_size : int
        Questions in a call that are a good measure.
    """

    shard_size: ClassVar[int] = 64

    @property
    def provenance(self) -> dict[str, Any]:
        """What ran, as JSON holds it: versions, seeds, addresses; it goes into the metadata of what is drawn."""
        return {}

    def close(self) -> None:
        """Give back what it holds: memory, processes, connections. The next call takes it again."""

    @abstractmethod
    def __call__(self, prompts: Sequence[Prompt], sampling: Sampling, /) -> list[CompletionGroup]:
        """Complete every prompt `sampling.n` times."""

    def option_logprobs(self, prompts: Sequence[Prompt], options: Sequence[str], /) -> FloatArray:  # noqa: ARG002
        """Say how likely each option is as the beginning of what follows each prompt; not every backend can.

        Returns
        -------
        ndarray of shape (P, O)
            Natural-log probability of the option's tokens, all of them, under the untempered distribution; NaN for a
            prompt that the backend cannot take.

        Raises
        ------
        ConfigError
            If the backend cannot say.
        """
        raise ConfigError(
            f"backend {type(self).__name__} cannot say how likely given words are; one that runs the model itself can "
            "(transformers, vllm), or have them drawn"
        )


class Embedder(Protocol):
    """Texts -> (K, D) float32; the same text gives the same row whatever stands beside it."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What identifies the embedding space."""

    @abstractmethod
    def __call__(self, texts: Sequence[str], /) -> NDArray[np.float32]:
        """Embed every text; a blank text gives a zero row."""


class Entailer(Protocol):
    """Pairs of texts -> (K, 3) float64: how likely the first entails, leaves open, contradicts the second.

    Attributes
    ----------
    lasting : bool
        Its rows are dear enough to be kept on disk by those who ask for them.
    """

    lasting: ClassVar[bool] = True

    @property
    @abstractmethod
    def name(self) -> str:
        """What identifies the judge: all that its rows depend on."""

    @abstractmethod
    def __call__(self, pairs: Sequence[tuple[str, str]], /) -> FloatArray:
        """Judge every pair; a row adds up to 1, and one without a verdict is NaN."""


class Grader(Protocol):
    """Completions and the answers accepted for each -> right or wrong; blank text is wrong."""

    @abstractmethod
    def __call__(
        self, texts: Sequence[str], answers: Sequence[Sequence[str]], questions: Sequence[str] | None = None, /
    ) -> BoolArray:
        """Say of each text whether it gives one of its accepted answers.

        `questions` are what each text answers, for graders that read them. A grader that cannot tell gives a masked
        array, masked there.
        """


class Scorer(Protocol):
    """Groups -> (P,) uncertainty, higher is less sure.

    Attributes
    ----------
    direction : str
        The same for every scorer.
    range : str
        Smallest and largest value of a group of N, in words.
    unit : str
        Unit of the value.
    source : str
        Where the formula comes from.
    cost : str
        Of a group of N completions, or of an answer of T tokens; what has to be run to have its columns.
    """

    direction: ClassVar[str] = "higher is less sure"
    range: ClassVar[str]
    unit: ClassVar[str]
    source: ClassVar[str]
    cost: ClassVar[str]

    @property
    def needs(self) -> frozenset[str]:
        """Columns of `Groups` that it reads; a class whose settings do not change them has a plain attribute."""
        raise NotImplementedError

    @property
    def unread(self) -> Mapping[str, str]:
        """Settings that its other settings leave without effect, each with those under which it has one."""
        return {}

    @abstractmethod
    def __call__(self, groups: Groups, /) -> FloatArray:
        """Score every group."""


Order = Literal["answer_first", "together", "confidence_first"]
"""What a trained completion holds: the number alone, the answer before it being frozen; the answer and then the number;
the number and then the answer."""


class Reward(Protocol):
    """TRL's reward function: keyword columns in, one number (or None, skip) for each completion out.

    Attributes
    ----------
    order : {"answer_first", "together", "confidence_first"}
        What it expects a completion to hold.
    format : str
        How it expects the number to be written: a name in `uncal.parse.FORMATS`.
    needs : frozenset of str
        Columns that it reads.
    source : str
        Where the formula comes from.
    """

    order: ClassVar[Order] = "answer_first"
    format: ClassVar[str] = "uncertainty"
    needs: ClassVar[frozenset[str]] = frozenset()
    source: ClassVar[str] = "of your own"

    @property
    def proper(self) -> bool:
        """Whether no other statement has a higher expected reward than the honest number.

        A class whose settings do not change it has a plain attribute.
        """
        return False

    @property
    @abstractmethod
    def __name__(self) -> str:
        """The name under which the trainer logs it."""

    @abstractmethod
    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        """Reward every completion."""


class Record(NamedTuple):
    """One thing that a model learns to write.

    Attributes
    ----------
    turns : list of Message
        The conversation so far; it carries no loss.
    text : str
        What the model should say next.
    """

    turns: list[Message]
    text: str


@dataclass(frozen=True, kw_only=True)
class ReadOut:
    """How a trained model's number is read.

    Attributes
    ----------
    format : str, default="uncertainty"
        How it writes the number: a name in `uncal.parse.FORMATS`.
    order : {"answer_first", "together", "confidence_first"}, default="answer_first"
        What else a completion holds.
    opening : str, default=""
        Text that its turn is made to begin with, before one of `options`.
    options : tuple of str, default=()
        Texts whose probabilities are read in place of having it write; none: it writes.
    uncertainties : tuple of float, default=()
        What each option says; the number is their mean under those probabilities, scaled to add up to 1.
    """

    format: str = "uncertainty"
    order: Order = "answer_first"
    opening: str = ""
    options: tuple[str, ...] = ()
    uncertainties: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if len(self.options) != len(self.uncertainties):
            raise ValueError(
                f"uncertainties has {len(self.uncertainties)} entries; it must have one for each of the "
                f"{len(self.options)} options"
            )


class Objective(Protocol):
    """Rows of targets -> what a model is trained on: supervised records, a loss, rewards.

    A row is a mapping with `id`, `prompt`, `answer` (frozen; None if there is none) and what the objective `needs`.

    Attributes
    ----------
    needs : frozenset of str
        Further columns of a row that it reads: `uncertainty` (the target), `correct`, `answers`, `completions`,
        `completions_correct`.
    """

    @property
    def order(self) -> Order:
        """What a completion holds."""
        return "answer_first"

    @property
    @abstractmethod
    def needs(self) -> frozenset[str]:
        """Columns of a row that it reads beside `id`, `prompt` and `answer`."""

    @property
    def ask(self) -> str | None:
        """What the model is told: of a frozen answer the turn after it, else the prompt, with {question}.

        None is the usual of its order.
        """
        return None

    @property
    def rewards(self) -> Mapping[str, tuple[Reward, float]]:
        """Rewards of the second phase by name, each with its weight; none: it is supervised alone."""
        return {}

    @property
    def read_out(self) -> ReadOut:
        """How the number is read from a model trained so."""
        return ReadOut()

    @abstractmethod
    def records(self, rows: Sequence[Mapping[str, Any]], turns: Sequence[list[Message]], seed: int) -> list[Record]:
        """Make the supervised records: all of the training, or its first phase where there are rewards.

        `turns[i]` is the conversation in which row i is asked.
        """

    def loss(self, network: Any, inputs: Mapping[str, Any], tokenizer: Any) -> Any:  # noqa: ARG002
        """Loss of a batch of records, a scalar tensor; None is the trainer's own, cross-entropy.

        Parameters
        ----------
        network : transformers.PreTrainedModel or peft.PeftModel
        inputs : mapping
            `input_ids`, `attention_mask` and `labels`, (B, T); labels are -100 wherever there is no loss.
        tokenizer : transformers.PreTrainedTokenizerBase
        """
        return None


def text_of(completion: Any) -> str:
    """Text of a completion as TRL hands it to rewards: a str, or a list of messages of which the last counts.

    Examples
    --------
    >>> text_of([{"role": "assistant", "content": "42"}])
    '42'
    >>> text_of([{"role": "assistant", "content": [{"type": "text", "text": "42"}]}]), text_of([])
    ('42', '')
    """
    if isinstance(completion, str):
        return completion
    content = completion[-1].get("content") if completion else ""
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content or ())
