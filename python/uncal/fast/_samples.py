"""What the samples of a group say together with their probabilities, and with what entails what."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from uncal import _rust
from uncal.fast import _arguments as arguments
from uncal.fast._arguments import FloatArray
from uncal.fast._tokens import _flat


def token_sar(
    logprobs: ArrayLike, relevance: ArrayLike, offsets: ArrayLike | None = None, *, threads: int | None = None
) -> FloatArray:
    """Surprise of each sequence's tokens, weighed by their relevance: ``-sum(R l) / sum(R)``.

    Parameters
    ----------
    logprobs, offsets, threads
        As for `sequence_logprobs`.
    relevance : array of the same shape, finite
        How much the meaning of the sequence changes without the token, such as one minus the similarity of the texts
        with and without it; clipped to [0, 1].

    Returns
    -------
    ndarray of shape (S,), float64
        Nats, 0 or more, higher is less sure. The plain mean where no token is relevant.

    Raises
    ------
    ValueError
        For log-probabilities above 0, values that are no numbers, sequences without tokens, shapes that do not fit.

    References
    ----------
    Duan et al., Shifting Attention to Relevance, ACL 2024, arXiv 2307.01379. Status: verified in the authors' code,
    where no relevance at all gives 0: the mean is a proposal, as is the clipping.

    Examples
    --------
    >>> token_sar([-0.1, -1.0, -0.5], [0.2, 0.6, 0.2], [0, 3]).round(6)
    array([0.72])
    """
    values, ends = _flat("logprobs", logprobs, offsets)
    weights = _flat("relevance", relevance, offsets)[0].astype(np.float64, copy=False)
    return _rust.token_sar(values, weights, ends, arguments.threads(threads))


def sentence_sar(
    logprobs: ArrayLike,
    similarity: ArrayLike,
    offsets: ArrayLike | None = None,
    *,
    t: float = 0.001,
    threads: int | None = None,
) -> FloatArray:
    """Mean surprise of a group's sequences, each counted together with those that say the same.

    With p = exp(logprobs) and g the similarities, this is the mean over i of
    ``-ln(p[i] + sum(g[i, j] * p[j] for j != i) / t)``.

    Parameters
    ----------
    logprobs : array of shape (P, N), or (K,) with `offsets`
        Of each sequence as a whole, or minus its `token_sar`.
    similarity : array of shape (P, N, N), or (sum of n_p ** 2,) with `offsets`, 0 or more
        The diagonal is not read.
    offsets : array of shape (P + 1,), int64, optional
    t : float, default=0.001
        Above 0; the published value makes others count a thousand times as much, and most scores negative.
    threads : int, optional
        Threads for this call; see `set_num_threads`.

    Returns
    -------
    ndarray of shape (P,), float64
        Nats, any number, higher is less sure; minus the log-probability for one sequence; infinite where a sequence of
        a group has no probability and nothing like it has any.

    Raises
    ------
    ValueError
        For NaN and +inf, negative similarities, and shapes that do not fit.

    References
    ----------
    Duan et al., Shifting Attention to Relevance, ACL 2024, arXiv 2307.01379. Status: verified in the authors' code.

    Examples
    --------
    >>> g = np.array([[[1.0, 0.8, 0.1], [0.8, 1.0, 0.2], [0.1, 0.2, 1.0]]])
    >>> sentence_sar(np.log([[0.5, 0.2, 0.1]]), g).round(6)
    array([-5.226795])
    """
    values, ends = arguments.squares("similarity", similarity, offsets)
    array = arguments.read("logprobs", logprobs)
    flat = arguments.column("logprobs", array.reshape(-1) if array.ndim == 2 and offsets is None else array)
    return _rust.sentence_sar(flat, values, ends, arguments.number("t", t), arguments.threads(threads))


def semantic_density(
    logprobs: ArrayLike,
    entail: ArrayLike,
    contra: ArrayLike,
    offsets: ArrayLike | None = None,
    *,
    answer_logprobs: ArrayLike | None = None,
    threads: int | None = None,
) -> FloatArray:
    """How densely samples lie around an answer: the mean of ``1 - C - N / 2``, weighed by their probabilities.

    Parameters
    ----------
    logprobs : array of shape (P, N), or (K,) with `offsets`
        Length-normalised log-probability of each sample. A text that repeats should count once: -inf leaves a sample
        out.
    entail, contra : array of the same shape, in [0, 1]
        How likely the answer entails, or contradicts, each sample; the rest is N.
    offsets : array of shape (P + 1,), int64, optional
    answer_logprobs : array of shape (P,), optional
        Those of the answers, if they count among the samples.
    threads : int, optional
        Threads for this call; see `set_num_threads`.

    Returns
    -------
    ndarray of shape (P,), float64
        In [0, 1], higher is surer. Where no probability is above 0 all count alike.

    Raises
    ------
    ValueError
        For probabilities outside [0, 1] or together above 1, NaN, and shapes that do not fit.

    References
    ----------
    Qiu and Miikkulainen, Semantic Density, NeurIPS 2024, arXiv 2405.13845. Status: verified in lm-polygraph and uqlm;
    the kernel's cut at distance 1 never acts, for distances are at most 1.

    Examples
    --------
    >>> semantic_density(np.log([[0.5, 0.3, 0.2]]), [[0.9, 0.05, 0.3]], [[0.0, 0.9, 0.2]]).round(6)
    array([0.6075])
    """
    values, ends = _flat("logprobs", logprobs, offsets)
    judged = [_flat(name, of, offsets)[0] for name, of in (("entail", entail), ("contra", contra))]
    first, e, c = (array.astype(np.float64, copy=False) for array in (values, *judged))
    own = None if answer_logprobs is None else arguments.column("answer_logprobs", answer_logprobs)
    return _rust.semantic_density(first, e, c, own, ends, arguments.threads(threads))


def sentence_disagreement(
    entail: ArrayLike, contra: ArrayLike, sentences: ArrayLike, offsets: ArrayLike, *, threads: int | None = None
) -> FloatArray:
    """One minus how far the sentences of long answers are borne out by the group's other answers, on average.

    Answer j bears a sentence out to ``E / (E + C)``, with E and C how likely it entails, and contradicts, the sentence.
    An answer is borne out to the mean over its sentences and the other answers; the group to the mean over its answers.

    Parameters
    ----------
    entail, contra : array of shape (sum of n_p * m_p,), in [0, 1]
        For each sentence, of m_p in a group, one probability for each of the group's n_p answers, sentence by sentence;
        the one for its own answer is not read.
    sentences : array of shape (K + 1,), int64
        Answer i has sentences ``sentences[i]`` to ``sentences[i + 1]``; none is without.
    offsets : array of shape (P + 1,), int64
        Group p is answers ``offsets[p]`` to ``offsets[p + 1]``.
    threads : int, optional
        Threads for this call; see `set_num_threads`.

    Returns
    -------
    ndarray of shape (P,), float64
        In [0, 1], higher is less sure; 0 for one answer. Where E and C are both 0 a sentence is borne out to 1/2.

    Raises
    ------
    ValueError
        For probabilities outside [0, 1], answers without sentences, and shapes that do not fit.

    References
    ----------
    Zhang et al., LUQ: Long-text Uncertainty Quantification for LLMs, EMNLP 2024, arXiv 2403.20279. Status: recalled.

    Examples
    --------
    Two answers, of one sentence and of two.

    >>> entail = [1.0, 0.6, 0.9, 1.0, 0.5, 1.0]
    >>> contra = [0.0, 0.2, 0.1, 0.0, 0.5, 0.0]
    >>> sentence_disagreement(entail, contra, [0, 1, 3], [0, 2]).round(6)
    array([0.275])
    """
    e, c = arguments.column("entail", entail), arguments.column("contra", contra)
    inner: NDArray[np.int64] = arguments.integers("sentences", sentences)
    ends = arguments.integers("offsets", offsets)
    return _rust.sentence_disagreement(e, c, inner, ends, arguments.threads(threads))
