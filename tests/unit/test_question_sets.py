"""Question sets in their true schemas, as `datasets` saves them; a row or two of each, of our own writing."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset, Features, List, Sequence, Value

from uncal import question_sets
from uncal.errors import ArtefactError, ConfigError
from uncal.stages import questions

TEXT = Value("string")
PAGES = Sequence({"doc_source": TEXT, "filename": TEXT, "title": TEXT, "wiki_context": TEXT})
RESULTS = Sequence({"description": TEXT, "filename": TEXT, "rank": Value("int32"), "title": TEXT, "url": TEXT})
ANSWER = {
    "aliases": List(TEXT),
    "normalized_aliases": List(TEXT),
    "matched_wiki_entity_name": TEXT,
    "normalized_matched_wiki_entity_name": TEXT,
    "normalized_value": TEXT,
    "type": TEXT,
    "value": TEXT,
}
ANNOTATIONS = {"type": TEXT, "answer": List(TEXT), "qaPairs": Sequence({"question": TEXT, "answer": List(TEXT)})}

# name -> features, rows, and what the rows are as questions: ids (None where they are hashes), prompts, answers
SETS: dict[str, tuple[dict[str, Any], list[dict[str, Any]], list[tuple[str | None, str, list[str]]]]] = {
    "trivia_qa": (
        {
            "question": TEXT,
            "question_id": TEXT,
            "question_source": TEXT,
            "entity_pages": PAGES,
            "search_results": RESULTS,
            "answer": ANSWER,
        },
        [
            {
                "question": "Who wrote Middlemarch?",
                "question_id": "tc_1",
                "question_source": "http://example.org",
                "entity_pages": {"doc_source": [], "filename": [], "title": [], "wiki_context": []},
                "search_results": {"description": [], "filename": [], "rank": [], "title": [], "url": []},
                "answer": {
                    "aliases": ["Mary Ann Evans", "George Eliot"],
                    "normalized_aliases": ["mary ann evans", "george eliot"],
                    "matched_wiki_entity_name": "",
                    "normalized_matched_wiki_entity_name": "",
                    "normalized_value": "george eliot",
                    "type": "WikipediaEntity",
                    "value": "George Eliot",
                },
            }
        ],
        [("tc_1", "Who wrote Middlemarch?", ["George Eliot", "Mary Ann Evans"])],
    ),
    "nq_open": (
        {"question": TEXT, "answer": List(TEXT)},
        [{"question": "who wrote emma", "answer": ["Jane Austen", "Austen"]}],
        [(None, "who wrote emma", ["Jane Austen", "Austen"])],
    ),
    "popqa": (
        {"id": Value("int64"), "subj": TEXT, "prop": TEXT, "obj": TEXT, "question": TEXT, "possible_answers": TEXT},
        [
            {
                "id": 7,
                "subj": "Emma",
                "prop": "author",
                "obj": "Jane Austen",
                "question": "Who is the author of Emma?",
                "possible_answers": '["Jane Austen", "Austen"]',
            }
        ],
        [("7", "Who is the author of Emma?", ["Jane Austen", "Austen"])],
    ),
    "simpleqa": (
        {"metadata": TEXT, "problem": TEXT, "answer": TEXT},
        [{"metadata": "{'topic': 'Art'}", "problem": "In which year did it open?", "answer": "1907"}],
        [(None, "In which year did it open?", ["1907"])],
    ),
    "gsm8k": (
        {"question": TEXT, "answer": TEXT},
        [{"question": "Two pens cost $3 each. In all?", "answer": "2 * 3 = <<2*3=6>>6\n#### 6"}],
        [(None, "Two pens cost $3 each. In all?", ["6"])],
    ),
    "mmlu": (
        {"question": TEXT, "subject": TEXT, "choices": List(TEXT), "answer": ClassLabel(names=["A", "B", "C", "D"])},
        [
            {"question": "Which is a prime?", "subject": "maths", "choices": ["4", "6", "7", "8"], "answer": 2},
            {
                "question": "Which is a city?",
                "subject": "geo",
                "choices": ["Nile", "Oslo", "Alps", "Asia"],
                "answer": 1,
            },
        ],
        [
            (None, "Which is a prime?\nA. 4\nB. 6\nC. 7\nD. 8", ["C"]),
            (None, "Which is a city?\nA. Nile\nB. Oslo\nC. Alps\nD. Asia", ["B", "Oslo"]),
        ],
    ),
    "commonsense_qa": (
        {
            "id": TEXT,
            "question": TEXT,
            "question_concept": TEXT,
            "choices": Sequence({"label": TEXT, "text": TEXT}),
            "answerKey": TEXT,
        },
        [
            {
                "id": f"c{i}",
                "question": "Where do you keep milk?",
                "question_concept": "milk",
                "choices": {"label": ["A", "B"], "text": ["fridge", "oven"]},
                "answerKey": key,
            }
            for i, key in enumerate(["A", ""])  # the test split keeps its answers
        ],
        [
            ("c0", "Where do you keep milk?\nA. fridge\nB. oven", ["A", "fridge"]),
            ("c1", "Where do you keep milk?\nA. fridge\nB. oven", []),
        ],
    ),
    "truthful_qa": (
        {
            "type": TEXT,
            "category": TEXT,
            "question": TEXT,
            "best_answer": TEXT,
            "correct_answers": List(TEXT),
            "incorrect_answers": List(TEXT),
            "source": TEXT,
        },
        [
            {
                "type": "Adversarial",
                "category": "Myths",
                "question": "Do bulls hate red?",
                "best_answer": "No, they hardly see red",
                "correct_answers": ["No", "No, they hardly see red"],
                "incorrect_answers": ["Yes"],
                "source": "",
            }
        ],
        [(None, "Do bulls hate red?", ["No, they hardly see red", "No"])],
    ),
    "hotpot_qa": (
        {
            "id": TEXT,
            "question": TEXT,
            "answer": TEXT,
            "type": TEXT,
            "level": TEXT,
            "supporting_facts": Sequence({"title": TEXT, "sent_id": Value("int32")}),
            "context": Sequence({"title": TEXT, "sentences": List(TEXT)}),
        },
        [
            {
                "id": "h1",
                "question": "Which is older?",
                "answer": "Rome",
                "type": "comparison",
                "level": "easy",
                "supporting_facts": {"title": ["Rome"], "sent_id": [0]},
                "context": {"title": ["Rome", "Bonn"], "sentences": [["Rome is old.", " Very."], ["Bonn is not."]]},
            }
        ],
        [("h1", "Which is older?", ["Rome"])],
    ),
    "sciq": (
        {
            "question": TEXT,
            "distractor3": TEXT,
            "distractor1": TEXT,
            "distractor2": TEXT,
            "correct_answer": TEXT,
            "support": TEXT,
        },
        [
            {
                "question": "What do plants breathe in?",
                "distractor3": "iron",
                "distractor1": "helium",
                "distractor2": "argon",
                "correct_answer": "carbon dioxide",
                "support": "Plants take in carbon dioxide.",
            }
        ],
        [(None, "What do plants breathe in?", ["carbon dioxide"])],
    ),
    "ambig_qa": (
        {"id": TEXT, "question": TEXT, "annotations": Sequence(ANNOTATIONS)},
        [
            {
                "id": "-1",
                "question": "When did it first air?",
                "annotations": {
                    "type": ["multipleQAs", "singleAnswer"],
                    "answer": [[], ["1989"]],
                    "qaPairs": [
                        {"question": ["As a short?", "As a show?"], "answer": [["1987", "April 1987"], ["1989"]]},
                        {"question": [], "answer": []},
                    ],
                },
            }
        ],
        [("-1", "When did it first air?", ["1987", "April 1987", "1989"])],
    ),
}


def asked(source: Path, out: Path, **settings: Any) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = pq.read_table(
        questions.questions(source, out / "questions.parquet", questions.Config(**settings))
    ).to_pylist()
    return made


def test_every_set_that_is_known_is_tested_here() -> None:
    assert sorted(SETS) == sorted(question_sets.SETS)


@pytest.mark.parametrize("suffix", ["folder", ".parquet", ".jsonl"])
@pytest.mark.parametrize("name", SETS)
def test_rows_of_a_set_become_questions(tmp_path: Path, name: str, suffix: str) -> None:
    features, rows, wanted = SETS[name]
    made = Dataset.from_list(rows, features=Features(features))
    source = tmp_path / (name if suffix == "folder" else f"{name}{suffix}")
    if suffix == "folder":
        made.save_to_disk(source)
    elif suffix == ".parquet":
        made.to_parquet(source)
    else:
        source.write_text("".join(json.dumps(row) + "\n" for row in made))
    found = asked(source, tmp_path / "run", question_set=name)
    ids = [row_id or question_sets.id_of(prompt) for row_id, prompt, _ in wanted]
    assert [(row["id"], row["prompt"], row["answers"]) for row in found] == [
        (row_id, prompt, answers) for row_id, (_, prompt, answers) in zip(ids, wanted, strict=True)
    ]


def test_lists_of_structs_are_read_like_structs_of_lists() -> None:
    _, (row, *_), ((_, prompt, answers), *_) = SETS["commonsense_qa"]
    choices = [{"label": "A", "text": "fridge"}, {"label": "B", "text": "oven"}]
    found = question_sets.question("commonsense_qa", row | {"choices": choices})
    assert (found["prompt"], found["answers"]) == (prompt, answers)


def test_paragraphs_stand_before_the_question_when_asked_for(tmp_path: Path) -> None:
    for name, prompt in {
        "hotpot_qa": "Rome: Rome is old. Very.\n\nBonn: Bonn is not.\n\nWhich is older?",
        "sciq": "Plants take in carbon dioxide.\n\nWhat do plants breathe in?",
    }.items():
        source = tmp_path / f"{name}.jsonl"
        source.write_text(json.dumps(SETS[name][1][0]))
        assert asked(source, tmp_path / name, question_set=name, context=True)[0]["prompt"] == prompt
    with pytest.raises(ConfigError, match="context is for the question sets hotpot_qa, sciq"):
        asked(source, tmp_path / "again", question_set="gsm8k", context=True)


def test_a_question_that_comes_twice_in_a_set_without_ids_is_left_out_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = tmp_path / "nq.jsonl"
    source.write_text('{"question": "who", "answer": ["a"]}\n' * 3)
    with caplog.at_level("INFO", "uncal"):
        assert len(asked(source, tmp_path / "run", question_set="nq_open")) == 1
    assert "2 rows whose question came before are left out" in caplog.text
    assert "licence CC BY-SA 3.0" in caplog.text
    assert "cite Lee et al., Latent Retrieval" in caplog.text


@pytest.mark.parametrize(
    ("name", "row", "said"),
    [
        ("gsm8k", {"question": "q", "answer": "72"}, "row 1: is no row of gsm8k .*its answer has no '####'"),
        ("gsm8k", {"prompt": "q"}, "row 1: no column 'question', which gsm8k has; there are prompt"),
        ("trivia_qa", {"question": "q", "question_id": 1, "answer": "x"}, "row 1: is no row of trivia_qa"),
        ("mmlu", {"question": "q", "choices": ["a"], "answer": 3}, "row 1: is no row of mmlu"),
        ("nq_open", {"question": None, "answer": []}, "row 1: is no row of nq_open .its question is None"),
    ],
)
def test_a_row_of_something_else_is_one_error_that_names_it(
    tmp_path: Path, name: str, row: dict[str, Any], said: str
) -> None:
    source = tmp_path / "bad.jsonl"
    source.write_text(json.dumps(row))
    with pytest.raises(ArtefactError, match=said):
        asked(source, tmp_path / "run", question_set=name)


def test_a_set_is_loaded_by_the_datasets_library_and_done_when_it_has_not_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from dataclasses import replace

    features, rows, ((_, prompt, answers),) = SETS["gsm8k"]
    (tmp_path / "hub").mkdir()
    Dataset.from_list(rows, features=Features(features)).to_parquet(tmp_path / "hub" / "test.parquet")
    # A folder takes the place of the name on the hub; the rest is what loads from there.
    local = replace(question_sets.SETS["gsm8k"], hub=str(tmp_path / "hub"), subset=None)
    monkeypatch.setitem(question_sets.SETS, "gsm8k", local)
    monkeypatch.chdir(tmp_path)
    with caplog.at_level("INFO", "uncal"):
        (row,) = asked(Path("gsm8k"), tmp_path / "run")
        assert (row["prompt"], row["answers"]) == (prompt, answers)
        assert "its answers are for --grader numeric" in caplog.text
        asked(Path("gsm8k"), tmp_path / "run")
    assert "questions.parquet is up to date" in caplog.text


def test_without_a_hub_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets.config
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True, raising=False)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        ArtefactError, match=r"sciq cannot be loaded from the hub \(allenai/sciq\).*--question-set sciq"
    ):
        asked(Path("sciq"), tmp_path / "run")
    with pytest.raises(ConfigError, match="question_set is 'squad'; it must be one of ambig_qa, "):
        questions.Config(question_set="squad")
