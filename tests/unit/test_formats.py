"""Files that TRL, lm-eval and uqlm wrote; data/formats/make_formats.py says how they were made."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from uncal import formats, group_files
from uncal.commands import grade_file
from uncal.errors import ArtefactError, ConfigError
from uncal.group_files import Layout
from uncal.stages import embed, score

DATA = Path(__file__).parent / "data" / "formats"
GENERATED = DATA / "lm_eval" / "samples_short_answers_2026-01-02T03-04-05.678901.jsonl"
OPTIONS = DATA / "lm_eval" / "samples_options_2026-01-02T03-04-05.678901.jsonl"


def groups(path: Path, *wanted: str, rows: int = 4096, **given: str) -> list[dict[str, Any]]:
    opened = formats.open_samples(path)
    tables = group_files.read(opened.source, wanted or ("texts",), opened.layout(Layout(columns=given)), rows)
    made: list[dict[str, Any]] = pa.concat_tables(tables).drop_columns("row").to_pylist()
    return made


@pytest.mark.parametrize("kind", ["text", "chat"])
@pytest.mark.parametrize("rows", [1, 2, 4096])
def test_completions_of_trl_are_grouped_by_step_and_prompt(kind: str, rows: int) -> None:
    logged = [
        row for i in (1, 2) for row in pq.read_table(DATA / f"trl_{kind}/completions_0000{i}.parquet").to_pylist()
    ]
    said = [row["completion"] if kind == "text" else row["completion"][-1]["content"] for row in logged]
    assert len({str(row["prompt"]) for row in logged[:3]}) == 1
    found = groups(DATA / f"trl_{kind}", rows=rows)
    assert [group["id"] for group in found] == ["1.0", "1.1", "2.0", "2.1"]
    assert [text for group in found for text in group["texts"]] == said
    assert [len(group["texts"]) for group in found] == [3, 3, 3, 3]


def test_generated_texts_of_lm_eval_are_read_once_for_all_filters() -> None:
    logged = [json.loads(line) for line in GENERATED.read_text().splitlines()]
    assert [sample["filter"] for sample in logged] == ["as_they_are", "as_they_are", "first", "first"]
    found = groups(GENERATED)
    assert [group["id"] for group in found] == ["0", "1"]
    assert [group["texts"] for group in found] == [sample["resps"][0] for sample in logged[:2]]


def test_a_folder_of_lm_eval_names_documents_by_their_task(tmp_path: Path) -> None:
    for task in ("a", "b"):
        (tmp_path / f"samples_{task}_2026-01-02T03-04-05.678.jsonl").write_text(GENERATED.read_text())
    assert [group["id"] for group in groups(tmp_path)] == ["a/0", "a/1", "b/0", "b/1"]
    assert formats.open_samples(tmp_path).source.at(3).endswith("samples_b_2026-01-02T03-04-05.678.jsonl, line 2")


def test_samples_of_options_are_no_texts_which_is_said() -> None:
    with pytest.raises(ArtefactError, match=r"line 1: 'resps' holds no generated texts .*evaluate --format lm-eval"):
        groups(OPTIONS)


def test_sampled_responses_of_uqlm_are_lists_as_python_writes_them() -> None:
    texts = [["Paris", 'paris, "the" city', "Lyon"], ["5", "five\nor so", "It's 5"]]
    assert [group["texts"] for group in groups(DATA / "uqlm_black_box.csv")] == texts
    white = groups(DATA / "uqlm_white_box.csv", "texts", "logprobs")
    assert [group["texts"] for group in white] == texts
    # -0.25 for the first token, -0.5 for the second and so on, added up
    assert [group["logprobs"] for group in white] == [[-0.25, -1.5, -0.25], [-0.25, -1.5, -0.75]]


def test_a_list_that_would_do_something_is_an_error_and_does_nothing(tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    (tmp_path / "bad.csv").write_text(f"id,samples\n1,\"[open({str(touched)!r}, 'w')]\"\n")
    with pytest.raises(ArtefactError, match="line 2: column 'samples' is not a list, neither of JSON nor of Python"):
        groups(tmp_path / "bad.csv")
    (tmp_path / "deep.csv").write_text(f"id,samples\n1,{'[' * 100_000}\n")
    with pytest.raises(ArtefactError, match="line 2: column 'samples' is not a list"):
        groups(tmp_path / "deep.csv")
    assert not touched.exists()


def test_plain_rows_of_prompt_samples_and_label_need_no_flags(tmp_path: Path) -> None:
    path = tmp_path / "plain.jsonl"
    path.write_text('{"prompt": "2 + 3?", "samples": ["5", "five"], "label": 1}\n')
    assert formats.open_samples(path).format == "columns"
    assert groups(path) == [{"id": "0", "texts": ["5", "five"]}]


def test_columns_that_are_named_win_over_those_of_the_format(tmp_path: Path) -> None:
    table = pa.table(
        {
            "step": [1, 1],
            "prompt": ["q", "q"],
            "completion": ["a", "b"],
            "advantage": [0.0, 0.0],
            "texts_of_mine": [["x", "y"], ["z"]],
        }
    )
    pq.write_table(table, tmp_path / "mine.parquet")
    found = groups(tmp_path / "mine.parquet", id="step", texts="texts_of_mine")
    assert [group["texts"] for group in found] == [["x", "y"], ["z"]]
    plain = formats.open_samples(tmp_path / "mine.parquet", "columns")
    assert (plain.format, plain.columns) == ("columns", {})


def test_a_format_that_a_file_has_not_says_what_it_lacks_and_what_it_has() -> None:
    with pytest.raises(ArtefactError, match=r"is no file of trl: it has no step, prompt, .*; it has response, sampled"):
        formats.open_samples(DATA / "uqlm_black_box.csv", "trl")
    with pytest.raises(ConfigError, match="format is 'csv'; it must be one of auto, columns, lm-eval, trl, uqlm"):
        score.Config(format="csv")


# The commands


@pytest.mark.parametrize(
    ("path", "ids"),
    [
        (DATA / "trl_chat", ["1.0", "1.1", "2.0", "2.1"]),
        (GENERATED, ["0", "1"]),
        (DATA / "uqlm_black_box.csv", ["0", "1"]),
    ],
)
def test_score_and_embed_take_every_format_as_it_is(tmp_path: Path, path: Path, ids: list[str]) -> None:
    similar = score.Config(scorers=("variation_ratio",), scorer_settings={"similarity": "jaccard"})
    scores = pq.read_table(score.score(path, tmp_path / "scores.parquet", similar))
    assert scores["id"].to_pylist() == ids
    assert scores["variation_ratio"].null_count == 0
    made = embed.embed(path, tmp_path / "embeddings.parquet", embed.Config(embedder="hashing"))
    table = pq.read_table(made)
    assert table["id"].to_pylist() == ids
    assert {len(group) for group in table["embeddings"].to_pylist()} == {3}


def graded(path: Path, out: Path, **settings: Any) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = pq.read_table(
        grade_file.grade_file(path, out / "grades.parquet", grade_file.Config(**settings))
    ).to_pylist()
    return made


def test_grade_takes_a_file_with_its_accepted_answers(tmp_path: Path) -> None:
    rows = [
        {"id": "a", "answers": ["5", "five"], "answer": "It is 5.", "samples": ["6", "five", ""]},
        {"id": "b", "answers": ["Paris"], "answer": None, "samples": ["Paris"]},
        {"id": "c", "answers": [], "answer": "x", "samples": ["x"]},
        {"id": "d", "answers": ["Rome", "Roma"], "answer": "roma", "samples": ["Rom"]},
    ]
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = graded(path, tmp_path)
    assert [row["correct"] for row in found] == [True, None, None, True]
    assert [row["completions_correct"] for row in found] == [[False, True, False], [True], None, [False]]
    assert {row["grader"] for row in found} == {"exact_match(containment=True)"}


def test_grade_reads_the_target_of_lm_eval_and_the_response_of_uqlm(tmp_path: Path) -> None:
    assert [row["completions_correct"] for row in graded(GENERATED, tmp_path)] == [[False] * 3] * 2
    csv = tmp_path / "uqlm.csv"
    lines = (DATA / "uqlm_black_box.csv").read_text().replace("response,", "truth,response,", 1)
    csv.write_text(lines.replace('Paris,"[', 'Paris,Paris,"[').replace("It's 5,\"[", "5,It's 5,\"["))
    found = graded(csv, tmp_path / "uqlm", answers_column="truth")
    assert [row["correct"] for row in found] == [True, True]
    assert [row["completions_correct"] for row in found] == [[True, True, False], [True, False, True]]


def test_grade_of_a_sample_a_row_takes_the_answers_of_the_first(tmp_path: Path) -> None:
    table = pa.table({"q": [1, 1, 2], "text": ["5", "6", "5"], "reference": ["5", "5", "6"]})
    pq.write_table(table, tmp_path / "mine.parquet")
    found = graded(tmp_path / "mine.parquet", tmp_path, group_column="q")
    assert [(row["id"], row["completions_correct"]) for row in found] == [("1", [True, False]), ("2", [False])]


def test_grade_without_accepted_answers_names_what_is_there(tmp_path: Path) -> None:
    with pytest.raises(
        ArtefactError, match=r"has no accepted answers \(looked for answers, .*it has response, sampled"
    ):
        graded(DATA / "uqlm_black_box.csv", tmp_path)
    with pytest.raises(ArtefactError, match="has no column 'truth'; it has"):
        graded(DATA / "uqlm_black_box.csv", tmp_path, answers_column="truth")
