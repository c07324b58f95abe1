"""Question sets that are on the Hugging Face hub, as questions with accepted answers.

What each set is called there, how its rows are read, who may use it, and whom to cite. Rows come from the hub, or
from a folder or file of the set that is on disk already.
"""

import ast
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from uncal.errors import ArtefactError, MissingExtraError

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class QuestionSet:
    """A question set.

    Attributes
    ----------
    hub : str
        Its name on the hub.
    subset, split : str
        What of it is taken unless another is named.
    read : callable
        Row, and whether to put the context in -> its id ("" where it has none), its prompt and the accepted answers.
    columns : tuple of str
        That `read` wants.
    grader : str
        The grader that fits its answers.
    licence : str
        As its card or its authors state it, and how we know.
    citation : str
    has_context : bool, default=False
        Whether there are paragraphs that the question may be asked with.
    """

    hub: str
    subset: str | None
    split: str
    read: Callable[[Row, bool], tuple[str, str, list[str]]]
    columns: tuple[str, ...]
    grader: str
    licence: str
    citation: str
    has_context: bool = False


def _texts(value: Any) -> list[str]:
    """Answers of a field: a list, one value, or a list that is written as text."""
    if isinstance(value, str) and value.lstrip()[:1] == "[":
        try:
            value = json.loads(value)
        except ValueError:
            value = ast.literal_eval(value)
    values = value if isinstance(value, list) else [value]
    return list(dict.fromkeys(str(one) for one in values if one is not None and str(one).strip()))


def _columns(value: Any, *names: str) -> list[list[Any]]:
    """Columns of a list of structs, which `datasets` keeps as a struct of lists, or as it is."""
    if isinstance(value, Mapping):
        return [list(value.get(name) or ()) for name in names]
    return [[one.get(name) for one in value or ()] for name in names]


def with_choices(question: str, labels: Sequence[str], choices: Sequence[str]) -> str:
    """Put the options of a question below it, a line each.

    Examples
    --------
    >>> print(with_choices("Which is a fruit?", "AB", ["stone", "plum"]))
    Which is a fruit?
    A. stone
    B. plum
    """
    return "\n".join([question, *(f"{label}. {choice}" for label, choice in zip(labels, choices, strict=True))])


def _chosen(label: str, text: str) -> list[str]:
    """Accept the letter of a multiple-choice question, and the words unless they are a letter too."""
    return [label] if len(text.strip()) < 2 else [label, text]


def _trivia_qa(row: Row, _: bool) -> tuple[str, str, list[str]]:
    answer = row["answer"]
    return str(row["question_id"]), row["question"], _texts([answer["value"], *(answer["aliases"] or ())])


def _nq_open(row: Row, _: bool) -> tuple[str, str, list[str]]:
    return "", row["question"], _texts(row["answer"])


def _popqa(row: Row, _: bool) -> tuple[str, str, list[str]]:
    return str(row["id"]), row["question"], _texts(row["possible_answers"])


def _simpleqa(row: Row, _: bool) -> tuple[str, str, list[str]]:
    return "", row["problem"], [str(row["answer"])]


def _gsm8k(row: Row, _: bool) -> tuple[str, str, list[str]]:
    _, marker, result = row["answer"].rpartition("####")
    if not marker:
        raise ValueError("its answer has no '####'")
    return "", row["question"], [result.strip()]


def _mmlu(row: Row, _: bool) -> tuple[str, str, list[str]]:
    labels = LETTERS[: len(row["choices"])]
    answer = row["answer"]
    place = LETTERS.index(answer) if isinstance(answer, str) else int(answer)
    return "", with_choices(row["question"], labels, row["choices"]), _chosen(labels[place], row["choices"][place])


def _commonsense_qa(row: Row, _: bool) -> tuple[str, str, list[str]]:
    labels, texts = _columns(row["choices"], "label", "text")
    key = row["answerKey"]  # blank in the test split
    answers = _chosen(key, texts[labels.index(key)]) if key else []
    return str(row["id"]), with_choices(row["question"], labels, texts), answers


def _truthful_qa(row: Row, _: bool) -> tuple[str, str, list[str]]:
    return "", row["question"], _texts([row["best_answer"], *row["correct_answers"]])


def _hotpot_qa(row: Row, context: bool) -> tuple[str, str, list[str]]:
    prompt = row["question"]
    if context:
        titles, sentences = _columns(row["context"], "title", "sentences")
        paragraphs = (f"{title}: {''.join(parts)}" for title, parts in zip(titles, sentences, strict=True))
        prompt = "\n\n".join([*paragraphs, prompt])
    return str(row["id"]), prompt, [str(row["answer"])]


def _sciq(row: Row, context: bool) -> tuple[str, str, list[str]]:
    support = (row["support"] or "").strip() if context else ""
    prompt = f"{support}\n\n{row['question']}" if support else row["question"]
    return "", prompt, [str(row["correct_answer"])]


def _ambig_qa(row: Row, _: bool) -> tuple[str, str, list[str]]:
    kinds, single, pairs = _columns(row["annotations"], "type", "answer", "qaPairs")
    answers: list[str] = []
    for i, kind in enumerate(kinds):
        if kind == "singleAnswer":
            answers += single[i] or ()
        else:
            answers += (answer for some in _columns(pairs[i], "answer")[0] for answer in some or ())
    return str(row["id"]), row["question"], _texts(answers)


CARD = "by its card in the datasets library"
RECALLED = "recalled, not checked"

SETS: dict[str, QuestionSet] = {
    "ambig_qa": QuestionSet(
        hub="sewon/ambig_qa",
        subset="light",
        split="validation",
        read=_ambig_qa,
        columns=("id", "question", "annotations"),
        grader="exact_match",
        licence=f"CC BY-SA 3.0 ({CARD})",
        citation="Min et al., AmbigQA: Answering Ambiguous Open-domain Questions, EMNLP 2020",
    ),
    "commonsense_qa": QuestionSet(
        hub="tau/commonsense_qa",
        subset=None,
        split="validation",
        read=_commonsense_qa,
        columns=("id", "question", "choices", "answerKey"),
        grader="choice",
        licence=f"MIT ({CARD})",
        citation="Talmor et al., CommonsenseQA: A Question Answering Challenge Targeting Commonsense Knowledge, "
        "NAACL 2019",
    ),
    "gsm8k": QuestionSet(
        hub="openai/gsm8k",
        subset="main",
        split="test",
        read=_gsm8k,
        columns=("question", "answer"),
        grader="numeric",
        licence=f"MIT ({CARD})",
        citation="Cobbe et al., Training Verifiers to Solve Math Word Problems, arXiv 2110.14168",
    ),
    "hotpot_qa": QuestionSet(
        hub="hotpotqa/hotpot_qa",
        subset="distractor",
        split="validation",
        read=_hotpot_qa,
        columns=("id", "question", "answer"),
        grader="exact_match",
        licence=f"CC BY-SA 4.0 ({CARD})",
        citation="Yang et al., HotpotQA: A Dataset for Diverse, Explainable Multi-hop Question Answering, EMNLP 2018",
        has_context=True,
    ),
    "mmlu": QuestionSet(
        hub="cais/mmlu",
        subset="all",
        split="test",
        read=_mmlu,
        columns=("question", "choices", "answer"),
        grader="choice",
        licence=f"MIT ({RECALLED})",
        citation="Hendrycks et al., Measuring Massive Multitask Language Understanding, ICLR 2021",
    ),
    "nq_open": QuestionSet(
        hub="google-research-datasets/nq_open",
        subset=None,
        split="validation",
        read=_nq_open,
        columns=("question", "answer"),
        grader="exact_match",
        licence=f"CC BY-SA 3.0 ({CARD})",
        citation="Lee et al., Latent Retrieval for Weakly Supervised Open Domain Question Answering, ACL 2019; "
        "Kwiatkowski et al., Natural Questions, TACL 7 (2019)",
    ),
    "popqa": QuestionSet(
        hub="akariasai/PopQA",
        subset=None,
        split="test",
        read=_popqa,
        columns=("id", "question", "possible_answers"),
        grader="exact_match",
        licence=f"unknown; its code is under MIT ({RECALLED})",
        citation="Mallen et al., When Not to Trust Language Models, ACL 2023",
    ),
    "sciq": QuestionSet(
        hub="allenai/sciq",
        subset=None,
        split="validation",
        read=_sciq,
        columns=("question", "correct_answer", "support"),
        grader="exact_match",
        licence=f"CC BY-NC 3.0, not for commercial use ({CARD})",
        citation="Welbl et al., Crowdsourcing Multiple Choice Science Questions, W-NUT 2017",
        has_context=True,
    ),
    "simpleqa": QuestionSet(
        hub="basicv8vc/SimpleQA",
        subset=None,
        split="test",
        read=_simpleqa,
        columns=("problem", "answer"),
        grader="judge",
        licence=f"MIT ({RECALLED}; the copy on the hub is not its authors')",
        citation="Wei et al., Measuring short-form factuality in large language models, arXiv 2411.04368",
    ),
    "trivia_qa": QuestionSet(
        hub="mandarjoshi/trivia_qa",
        subset="rc.nocontext",
        split="validation",
        read=_trivia_qa,
        columns=("question_id", "question", "answer"),
        grader="exact_match",
        licence=f"unknown ({CARD}); its authors do not own the questions ({RECALLED})",
        citation="Joshi et al., TriviaQA: A Large Scale Distantly Supervised Challenge Dataset for Reading "
        "Comprehension, ACL 2017",
    ),
    "truthful_qa": QuestionSet(
        hub="truthfulqa/truthful_qa",
        subset="generation",
        split="validation",
        read=_truthful_qa,
        columns=("question", "best_answer", "correct_answers"),
        grader="judge",
        licence=f"Apache 2.0 ({CARD})",
        citation="Lin et al., TruthfulQA: Measuring How Models Mimic Human Falsehoods, ACL 2022",
    ),
}
"""Status: columns and splits of ambig_qa, commonsense_qa, gsm8k, hotpot_qa, nq_open, sciq, trivia_qa and truthful_qa
verified against their cards in the datasets library; those of mmlu, popqa and simpleqa, and all names on the hub, are
recalled."""


def id_of(prompt: str) -> str:
    """Make the id of a question that has none: a hash of its prompt."""
    return hashlib.sha256(prompt.encode()).hexdigest()[:16]


def question(name: str, row: Row, *, context: bool = False) -> dict[str, Any]:
    """Make a question of a row of a set.

    Returns
    -------
    dict
        `id`, `prompt` and `answers`. Sets without ids get the hash of the prompt.

    Raises
    ------
    ArtefactError
        If the row is none of this set.

    Examples
    --------
    >>> question("nq_open", {"question": "who wrote it", "answer": ["Eliot"]})["answers"]
    ['Eliot']
    """
    known = SETS[name]
    wanted = (*known.columns, "context") if context and name == "hotpot_qa" else known.columns
    if lacking := [column for column in wanted if column not in row]:
        raise ArtefactError(f"no column {lacking[0]!r}, which {name} has; there are {', '.join(map(str, row))}")
    try:
        key, prompt, answers = known.read(row, context)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise ArtefactError(f"is no row of {name} ({type(error).__name__}: {error})") from error
    if not isinstance(prompt, str):
        raise ArtefactError(f"is no row of {name} (its question is {prompt!r})")
    return {"id": key or id_of(prompt), "prompt": prompt, "answers": answers}


def from_hub(name: str, subset: str | None = None, split: str | None = None) -> tuple[Iterator[Row], str]:
    """Load a set from the hub, or from the cache of the `datasets` library.

    Returns
    -------
    rows : iterator of dict
    fingerprint : str
        Of what was loaded.

    Raises
    ------
    MissingExtraError
        If the `datasets` library is not installed.
    ArtefactError
        If the set cannot be had.
    """
    try:
        import datasets
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "question sets of the hub need the package 'datasets'; `pip install 'uncal[train]'`"
        ) from error
    known = SETS[name]
    wanted = (known.hub, subset or known.subset)
    try:
        loaded = datasets.load_dataset(*wanted, split=split or known.split)
    except Exception as error:  # of the network, of the hub, of files: each library below has its own
        first_line = str(error).strip().partition("\n")[0]
        raise ArtefactError(
            f"{name} cannot be loaded from the hub ({known.hub}): {first_line or type(error).__name__}; with a copy on "
            f"disk: uncal questions FOLDER --question-set {name}"
        ) from error
    return iter(loaded), f"{known.hub} {wanted[1] or ''} {split or known.split} {loaded._fingerprint}"
