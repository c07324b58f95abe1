"""How sure a model was of the tokens that it wrote."""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from uncal import _rust
from uncal.fast import _arguments as arguments
from uncal.fast._arguments import FloatArray

Tail = Literal["renorm", "atom", "uniform"]
Reduce = Literal["mean", "max"]
ALPHAS = tuple(i / 10 for i in range(11))
"""Quantiles that `token_quantiles` takes unless told otherwise."""


def sequence_logprobs(
    logprobs: ArrayLike, offsets: ArrayLike | None = None, *, mean: bool = False, threads: int | None = None
) -> FloatArray:
    """Log-probability of each sequence: the sum of those of its tokens, or their mean.

    Minus the sum, of the greedy answer, is G-NLL; minus the mean is the length-normalised surprise, and its exponential
    the perplexity.

    Parameters
    ----------
    logprobs : array of shape (T,) with `offsets`, or (S, T), at most 0
        Natural logarithms of the probabilities of the tokens that were written; what lies above 0 by less than 0.001
        counts as 0.
    offsets : array of shape (S + 1,), int64, optional
        Sequence s is tokens ``offsets[s]`` to ``offsets[s + 1]``; none is empty.
    mean : bool, default=False
    threads : int, optional
        Threads for this call; see `set_num_threads`.

    Returns
    -------
    ndarray of shape (S,), float64
        Nats, at most 0; -inf with a token of -inf.

    Raises
    ------
    ValueError
        For NaN and numbers above 0, sequences without tokens, and shapes that do not fit.

    References
    ----------
    Aichberger, Schweighofer and Hochreiter, Rethinking Uncertainty Estimation in Natural Language Generation,
    arXiv 2412.15176 (G-NLL). Status: secondary.

    Examples
    --------
    >>> sequence_logprobs([-1.0, -2.0, -0.5], [0, 2, 3])
    array([-3. , -0.5])
    """
    values, ends = _flat("logprobs", logprobs, offsets)
    return _rust.sequence_logprobs(values, ends, arguments.flag("mean", mean), arguments.threads(threads))


def token_quantiles(
    logprobs: ArrayLike,
    offsets: ArrayLike | None = None,
    *,
    alphas: ArrayLike = ALPHAS,
    threads: int | None = None,
) -> FloatArray:
    """Quantiles of the log-probabilities of each sequence's tokens: a summary of one length for any length.

    Parameters
    ----------
    logprobs, offsets, threads
        As for `sequence_logprobs`.
    alphas : array of shape (A,), in [0, 1], default=(0, 0.1, ..., 1)
        0 is the least probable token, 1 the most probable; between tokens quantiles are linear (NumPy's "linear").

    Returns
    -------
    ndarray of shape (S, A), float64
        All equal for a sequence of one token.

    Raises
    ------
    ValueError
        As `sequence_logprobs`, and for an alpha outside [0, 1].

    References
    ----------
    Gupta et al., Language Model Cascades: Token-level uncertainty and beyond, arXiv 2404.10136 (Chow-Quantile).
    Status: secondary.

    Examples
    --------
    >>> token_quantiles([-1.0, -2.0, -0.5], [0, 2, 3], alphas=[0.0, 0.5, 1.0])
    array([[-2. , -1.5, -1. ],
           [-0.5, -0.5, -0.5]])
    """
    values, ends = _flat("logprobs", logprobs, offsets)
    chosen = arguments.column("alphas", alphas)
    return _rust.token_quantiles(values, ends, chosen, arguments.threads(threads)).reshape(len(ends) - 1, len(chosen))


def token_entropy(
    top_logprobs: ArrayLike,
    offsets: ArrayLike | None = None,
    *,
    tail: Tail = "atom",
    vocabulary: int | None = None,
    reduce: Reduce = "mean",
    threads: int | None = None,
) -> FloatArray:
    """Mean, or largest, entropy of the distributions of a sequence's tokens, out of the k most probable tokens of each.

    Parameters
    ----------
    top_logprobs : array of shape (T, k) with `offsets`, or (S, T, k)
        Log-probabilities of the most probable tokens at each place, in any order; -inf where fewer are known.
    offsets : array of shape (S + 1,), int64, optional
        Sequence s is tokens ``offsets[s]`` to ``offsets[s + 1]``; none is empty.
    tail : {"renorm", "atom", "uniform"}, default="atom"
        What becomes of the probability of the tokens that are not listed. "renorm" drops it and scales the others to a
        sum of 1; "atom" makes it one token more, which gives a lower bound of the true entropy; "uniform" spreads it
        evenly over the rest of a vocabulary, which gives an upper one.
    vocabulary : int, optional
        How many tokens there are in all; needed for "uniform", and read by no other.
    reduce : {"mean", "max"}, default="mean"
    threads : int, optional
        Threads for this call; see `set_num_threads`.

    Returns
    -------
    ndarray of shape (S,), float64
        Nats, higher is less sure: in [0, ln k], [0, ln(k + 1)] or [0, ln V], by `tail`.

    Raises
    ------
    ValueError
        For NaN, numbers above 0.001, tokens whose probabilities add up to more than 1.01 or to 0, sequences without
        tokens, and settings and shapes that do not fit.

    References
    ----------
    Fomicheva et al., Unsupervised Quality Estimation for Neural Machine Translation, TACL 2020. Status: recalled; the
    rules for the tail are a proposal.

    Examples
    --------
    >>> token_entropy(np.log([[0.5, 0.25], [1.0, 1e-9]]), [0, 1, 2]).round(4)
    array([1.0397, 0.    ])
    """
    return _measure("entropy", top_logprobs, offsets, tail, vocabulary, threads, reduce=reduce)


def token_margin(
    top_logprobs: ArrayLike, offsets: ArrayLike | None = None, *, threads: int | None = None
) -> FloatArray:
    """Mean lead of a sequence's tokens: the largest probability less the second largest.

    Parameters
    ----------
    top_logprobs, offsets, threads
        As for `token_entropy`; k at least 2.

    Returns
    -------
    ndarray of shape (S,), float64
        In [0, 1], higher is surer.

    Raises
    ------
    ValueError
        As `token_entropy`.

    References
    ----------
    Margin sampling of active learning, averaged over tokens. Status: recalled.

    Examples
    --------
    >>> token_margin(np.log([[0.5, 0.25], [0.9, 0.05]]), [0, 2]).round(4)
    array([0.55])
    """
    return _measure("margin", top_logprobs, offsets, "renorm", None, threads)


def self_certainty(
    top_logprobs: ArrayLike,
    offsets: ArrayLike | None = None,
    *,
    tail: Tail = "renorm",
    vocabulary: int | None = None,
    threads: int | None = None,
) -> FloatArray:
    """Mean divergence of a sequence's token distributions q from the uniform one: ``KL(U, q) = -mean(ln q) - ln V``.

    Parameters
    ----------
    top_logprobs, offsets, vocabulary, threads
        As for `token_entropy`.
    tail : {"renorm", "atom", "uniform"}, default="renorm"
        V is the number of listed tokens with "renorm", one more with "atom", `vocabulary` with "uniform". The tail has
        2 ** -24 at least, for a float32 sum tells no less from none.

    Returns
    -------
    ndarray of shape (S,), float64
        Nats, 0 or more, higher is surer.

    Raises
    ------
    ValueError
        As `token_entropy`.

    References
    ----------
    Kang et al., Scalable Best-of-N Selection for Large Language Models via Self-Certainty, arXiv 2502.18581. Status:
    verified in lm-polygraph, which reads whole distributions without what is -inf; the rules for the tail are a
    proposal.

    Examples
    --------
    >>> self_certainty(np.log([[0.5, 0.5], [0.8, 0.2]]), [0, 1, 2]).round(4)
    array([0.    , 0.2231])
    """
    return _measure("self_certainty", top_logprobs, offsets, tail, vocabulary, threads)


def renyi_divergence(
    top_logprobs: ArrayLike,
    offsets: ArrayLike | None = None,
    *,
    alpha: float = 0.5,
    temperature: float = 2.0,
    tail: Tail = "renorm",
    vocabulary: int | None = None,
    threads: int | None = None,
) -> FloatArray:
    """Mean Rényi divergence of a sequence's token distributions q from the uniform one: ``ln V - H(q)``.

    H is q's Rényi entropy of order alpha, ``ln(sum(q ** alpha)) / (1 - alpha)``, Shannon's for 1.

    Parameters
    ----------
    top_logprobs, offsets, vocabulary, threads
        As for `token_entropy`.
    alpha : float, default=0.5
        Finite, above 0.
    temperature : float, default=2.0
        q is the listed distribution, tail included, to the power of ``1 / temperature``, scaled to a sum of 1.
    tail : {"renorm", "atom", "uniform"}, default="renorm"
        V is the number of listed tokens with "renorm", one more with "atom", `vocabulary` with "uniform".

    Returns
    -------
    ndarray of shape (S,), float64
        Nats, in [0, ln V], higher is surer.

    Raises
    ------
    ValueError
        As `token_entropy`.

    References
    ----------
    Darrin, Piantanida and Colombo, RainProof: An Umbrella to Shield Text Generators from Out-of-Distribution Data,
    EMNLP 2023. Status: order and temperature are verified in lm-polygraph, whose value has other constants and the
    opposite sign; this is the textbook divergence.

    Examples
    --------
    >>> renyi_divergence(np.log([[0.5, 0.5], [1.0, 1e-12]]), [0, 1, 2], temperature=1.0).round(4)
    array([0.    , 0.6931])
    """
    alpha = arguments.number("alpha", alpha)
    temperature = arguments.number("temperature", temperature)
    return _measure("renyi", top_logprobs, offsets, tail, vocabulary, threads, alpha=alpha, temperature=temperature)


def fisher_rao(
    top_logprobs: ArrayLike,
    offsets: ArrayLike | None = None,
    *,
    temperature: float = 2.0,
    tail: Tail = "renorm",
    vocabulary: int | None = None,
    threads: int | None = None,
) -> FloatArray:
    """Mean Fisher-Rao distance of a sequence's token distributions q from the uniform one.

    That is ``2 / pi * arccos(sum(sqrt(q / V)))``.

    Parameters
    ----------
    top_logprobs, offsets, temperature, tail, vocabulary, threads
        As for `renyi_divergence`.

    Returns
    -------
    ndarray of shape (S,), float64
        In [0, 1), higher is surer.

    Raises
    ------
    ValueError
        As `token_entropy`.

    References
    ----------
    Darrin, Piantanida and Colombo, RainProof, EMNLP 2023. Status: verified in lm-polygraph.

    Examples
    --------
    >>> fisher_rao(np.log([[0.5, 0.5], [1.0, 1e-12]]), [0, 1, 2], temperature=1.0).round(4)
    array([0. , 0.5])
    """
    temperature = arguments.number("temperature", temperature)
    return _measure("fisher_rao", top_logprobs, offsets, tail, vocabulary, threads, temperature=temperature)


def claim_conditioned_probability(
    top_logprobs: ArrayLike,
    classes: ArrayLike,
    offsets: ArrayLike | None = None,
    *,
    threads: int | None = None,
) -> FloatArray:
    """How sure the tokens of a claim are, given what kind of claim it is: ``prod(E / (E + C))``.

    E is the probability of the alternatives at a place that entail the token that was written, C that of those that
    contradict it; neutral ones would make another kind of claim, and do not count.

    Parameters
    ----------
    top_logprobs, offsets, threads
        As for `token_entropy`; sequences are claims, or whole answers.
    classes : integers of the same shape
        Of each alternative: 1 entails the token that was written, as that itself does, 0 is neutral, -1 contradicts it;
        `alternative_classes` makes them of an entailment model's probabilities.

    Returns
    -------
    ndarray of shape (S,), float64
        In [0, 1], higher is surer. A token of which no alternative counts has 1.

    Raises
    ------
    ValueError
        For other classes, and as `token_entropy`.

    References
    ----------
    Fadeeva et al., Fact-Checking the Output of Large Language Models via Token-Level Uncertainty Quantification,
    arXiv 2403.04696. Status: verified in lm-polygraph's code, which returns minus the product.

    Examples
    --------
    >>> top = np.log([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2]])
    >>> claim_conditioned_probability(top, [[1, -1, 0], [1, 1, -1]], [0, 2]).round(4)
    array([0.6222])
    """
    rows, ends = _tops(top_logprobs, offsets)
    given = arguments.read("classes", classes)
    if given.dtype.kind not in "iu":
        raise ValueError(f"classes: dtype is {given.dtype}, must be integers")
    if given.shape != np.shape(top_logprobs):
        raise ValueError(f"classes: has shape {given.shape}, must be that of top_logprobs, {np.shape(top_logprobs)}")
    flat = arguments.ready(given, np.int64).reshape(-1)
    return _rust.claim_conditioned_probability(rows, flat, ends, arguments.threads(threads))


def alternative_classes(forward: ArrayLike, backward: ArrayLike) -> NDArray[np.int64]:
    """Say what alternatives are to the tokens that were written, out of an entailment model's probabilities.

    Each way round the most probable label counts. Of two that agree it is that one; of a neutral one and another, the
    other; entailment one way and contradiction the other is neutral.

    Parameters
    ----------
    forward, backward : array of shape (..., 3)
        Probabilities, or logits, of entailment, neutrality and contradiction: of the written token as premise and the
        alternative as hypothesis, and the other way round.

    Returns
    -------
    ndarray of shape (...), int64
        1 entails, 0 neutral, -1 contradicts. Set the written token's own to 1.

    Raises
    ------
    ValueError
        For NaN, or shapes that do not fit.

    References
    ----------
    Fadeeva et al., arXiv 2403.04696. Status: verified in lm-polygraph's code.

    Examples
    --------
    >>> alternative_classes([[0.9, 0.1, 0.0], [0.2, 0.7, 0.1], [0.9, 0.1, 0.0]],
    ...                     [[0.2, 0.7, 0.1], [0.0, 0.1, 0.9], [0.0, 0.1, 0.9]])
    array([ 1, -1,  0])
    """
    labels = []
    for name, values in (("forward", forward), ("backward", backward)):
        array = arguments.read(name, values)
        if array.dtype.kind not in "fiu" or array.ndim < 1 or array.shape[-1] != 3:
            raise ValueError(f"{name}: has shape {array.shape} and dtype {array.dtype}, must be numbers (..., 3)")
        if np.isnan(array).any():
            raise ValueError(f"{name}: row {int(np.isnan(array).reshape(-1, 3).any(axis=1).argmax())} is not a number")
        labels.append(1 - np.argmax(array, axis=-1))
    if labels[0].shape != labels[1].shape:
        raise ValueError(f"backward: has shape {np.shape(backward)}, must be that of forward, {np.shape(forward)}")
    return np.asarray(np.sign(labels[0] + labels[1]), np.int64)


def _flat(
    name: str, values: ArrayLike, offsets: ArrayLike | None
) -> tuple[NDArray[np.float32] | FloatArray, NDArray[np.int64]]:
    """Numbers of tokens end to end, and where each sequence starts."""
    array = arguments.read(name, values)
    if array.ndim == 2 and offsets is None:
        return arguments.real(name, array.reshape(-1)), np.arange(len(array) + 1, dtype=np.int64) * array.shape[1]
    if array.ndim != 1:
        raise ValueError(f"{name}: has shape {array.shape}, must be (S, T), or (T,) with offsets")
    if offsets is None:
        raise ValueError(f"offsets: needed with 1-D {name}; sequences of one length can be (S, T)")
    return arguments.real(name, array), arguments.integers("offsets", offsets)


def _tops(values: ArrayLike, offsets: ArrayLike | None) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Rows of the most probable tokens, and where each sequence starts."""
    name = "top_logprobs"
    array = arguments.read(name, values)
    if array.dtype.kind != "f" or array.dtype.itemsize > 8:
        raise ValueError(f"{name}: dtype is {array.dtype}, must be float16, float32 or float64; use .astype")
    rows = arguments.ready(array, array.dtype.newbyteorder("="))
    if array.ndim == 3 and offsets is None:
        ends = np.arange(array.shape[0] + 1, dtype=np.int64) * array.shape[1]
        return rows.reshape(array.shape[0] * array.shape[1], array.shape[2]), ends
    if array.ndim != 2:
        raise ValueError(f"{name}: has shape {array.shape}, must be (S, T, k), or (T, k) with offsets")
    if offsets is None:
        raise ValueError(f"offsets: needed with 2-D {name}; sequences of one length can be (S, T, k)")
    return rows, arguments.integers("offsets", offsets)


def _measure(
    measure: str,
    top_logprobs: ArrayLike,
    offsets: ArrayLike | None,
    tail: Tail,
    vocabulary: int | None,
    threads: int | None,
    *,
    alpha: float = 1.0,
    temperature: float = 1.0,
    reduce: Reduce = "mean",
) -> FloatArray:
    rows, ends = _tops(top_logprobs, offsets)
    size = None if vocabulary is None else arguments.count("vocabulary", vocabulary, 1, 2**31)
    kind = arguments.choice("tail", tail, Tail)
    how = arguments.choice("reduce", reduce, Reduce)
    chosen = arguments.threads(threads)
    return _rust.token_measure(rows, ends, measure, kind, size, alpha, temperature, how, chosen)
