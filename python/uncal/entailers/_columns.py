"""What scorers read of an entailer: columns out of the texts of groups, of their sentences and of frozen answers."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from uncal import fast
from uncal.entailers._judge import judge
from uncal.sentences import sentences
from uncal.types import Entailer, FloatArray

Pairs = list[tuple[str, str]]
Texts = Sequence[str]


def judge_groups(
    groups: Sequence[Texts | None],
    entailer: Entailer,
    *,
    questions: Sequence[str] | None = None,
    cache: Path | None = None,
) -> Mapping[str, list[FloatArray | None]]:
    """Judge every ordered pair of texts of each group.

    Parameters
    ----------
    groups : sequence of lists of str, or None
    entailer : Entailer
    questions : sequence of str, one a group, optional
        Put before the texts; without them texts are judged by themselves.
    cache : Path, optional

    Returns
    -------
    mapping
        `entail` and `contra`, for each group its (n, n) matrix, flat: how likely text i entails, or contradicts, j;
        None where the group is. The diagonal is 1 and 0.
    """
    pairs: list[Pairs] = [[(a, b) for a in texts or () for b in texts or ()] for texts in groups]
    rows = _judged(pairs, entailer, questions, cache)
    return {
        name: [None if texts is None else part[:, k] for texts, part in zip(groups, rows, strict=True)]
        for name, k in (("entail", 0), ("contra", 2))
    }


def judge_answers(
    answers: Sequence[str | None],
    groups: Sequence[Texts | None],
    entailer: Entailer,
    *,
    questions: Sequence[str] | None = None,
    cache: Path | None = None,
) -> Mapping[str, list[FloatArray | None]]:
    """Judge what the frozen answer of each group says of its texts: n pairs a group, the answer first.

    Parameters
    ----------
    answers : sequence of str, or None
    groups, entailer, questions, cache
        As for `judge_groups`.

    Returns
    -------
    mapping
        `answer_entail` and `answer_contra`, for each group (n,); None where the group or its answer is.
    """
    pairs: list[Pairs] = [
        [] if answer is None else [(answer, text) for text in texts or ()]
        for answer, texts in zip(answers, groups, strict=True)
    ]
    rows = _judged(pairs, entailer, questions, cache)
    return {
        name: [
            None if texts is None or answer is None else part[:, k]
            for answer, texts, part in zip(answers, groups, rows, strict=True)
        ]
        for name, k in (("answer_entail", 0), ("answer_contra", 2))
    }


def judge_sentences(
    groups: Sequence[Texts | None], entailer: Entailer, *, cache: Path | None = None
) -> Mapping[str, list[list[FloatArray] | None]]:
    """Judge what each text of a group says of the sentences of the others, the text first.

    That is (n - 1) m pairs for a group of n texts with m sentences in all. A sentence and its own text are not judged.
    Sentences are as `uncal.sentences.sentences` cuts them, and stand by themselves, without the question.

    Parameters
    ----------
    groups, entailer, cache
        As for `judge_groups`.

    Returns
    -------
    mapping
        `sentence_entail` and `sentence_contra`, for each group a list of (m_i, n), one for each text, which has m_i
        sentences; None where the group is. A sentence is entailed by its own text.
    """
    cut = [None if texts is None else [sentences(text) for text in texts] for texts in groups]
    pairs: list[Pairs] = [
        [
            (text, sentence)
            for i, mine in enumerate(parts or ())
            for sentence in mine
            for j, text in enumerate(texts or ())
            if i != j
        ]
        for texts, parts in zip(groups, cut, strict=True)
    ]
    rows = _judged(pairs, entailer, None, cache)
    return {
        name: [
            None if parts is None else _of_sentences(parts, part[:, k], own)
            for parts, part in zip(cut, rows, strict=True)
        ]
        for name, k, own in (("sentence_entail", 0, 1.0), ("sentence_contra", 2, 0.0))
    }


def _of_sentences(parts: list[list[str]], judged: FloatArray, own: float) -> list[FloatArray]:
    """Give (m_i, n) for each text, with its own column filled in."""
    n, start, found = len(parts), 0, []
    for i, mine in enumerate(parts):
        rest = judged[start : start + len(mine) * (n - 1)].reshape(len(mine), n - 1)
        found.append(np.insert(rest, i, own, axis=1))
        start += rest.size
    return found


def judge_alternatives(
    token_texts: Sequence[Texts | None],
    top_texts: Sequence[Sequence[Texts] | None],
    entailer: Entailer,
    *,
    questions: Sequence[str] | None = None,
    cache: Path | None = None,
) -> Mapping[str, list[list[list[int]] | None]]:
    """Judge, at each token of each answer, what the most probable tokens are to the one that was written.

    An alternative stands for the answer up to there with it in place of the token; that and the answer up to and with
    the token are judged both ways, 2 T k pairs for an answer of T tokens with k alternatives. Both have the question
    before them, where there are such.

    Parameters
    ----------
    token_texts : sequence of lists of str, or None
        What each token of an answer adds to its text.
    top_texts : sequence of lists of lists of str, or None
        What the most probable tokens at its place would have added.
    entailer, questions, cache
        As for `judge_groups`.

    Returns
    -------
    mapping
        `answer_top_classes`, for each answer (T, k): 1 for an alternative that entails the token, 0 a neutral one, -1
        one that contradicts it, as `uncal.fast.alternative_classes` has it. None where either is None, and where the
        entailer had no verdict on a pair.
    """
    pairs: list[Pairs] = []
    for mine, others in zip(token_texts, top_texts, strict=True):
        found: Pairs = []
        for place, alternatives in enumerate(others or () if mine is not None else ()):
            written = "".join((mine or ())[: place + 1])
            before = "".join((mine or ())[:place])
            found += [pair for one in alternatives for pair in ((written, before + one), (before + one, written))]
        pairs.append(found)
    rows = _judged(pairs, entailer, questions, cache)
    return {
        "answer_top_classes": [
            None if mine is None or others is None or np.isnan(part).any() else _of_tokens(others, part)
            for mine, others, part in zip(token_texts, top_texts, rows, strict=True)
        ]
    }


def _of_tokens(others: Sequence[Texts], judged: FloatArray) -> list[list[int]]:
    classes = fast.alternative_classes(judged[::2], judged[1::2])
    ends = np.cumsum([len(alternatives) for alternatives in others])[:-1]
    return [part.tolist() for part in np.split(classes, ends)] if len(others) else []


def _judged(
    pairs: Sequence[Pairs], entailer: Entailer, questions: Sequence[str] | None, cache: Path | None
) -> list[FloatArray]:
    """Judge the pairs of some groups together; the rows of each."""
    flat = [pair for mine in pairs for pair in mine]
    contexts = None
    if questions is not None:
        contexts = [question for question, mine in zip(questions, pairs, strict=True) for _ in mine]
    rows = judge(flat, entailer, contexts=contexts, cache=cache)
    return np.split(rows, np.cumsum([len(mine) for mine in pairs])[:-1]) if pairs else []
