"""How sure a text sounds."""

import json
from pathlib import Path

import pytest

from uncal import verbal
from uncal.errors import ConfigError
from uncal.linguistic import LEXICON, load_lexicon, read_linguistic

STATUSES = {"verified", "secondary", "inferred", "recalled", "proposal"}


def test_every_hedge_has_a_number_a_source_and_a_status() -> None:
    lexicon = load_lexicon()
    assert (lexicon.name, lexicon.version) == ("hedges", 1)
    assert f"{lexicon.name}-{lexicon.version}.json" == LEXICON.name
    assert len(lexicon.markers) == len(json.loads(LEXICON.read_text())["markers"]) > 100
    for text, marker in lexicon.markers.items():
        assert text == text.lower().strip()
        assert 0 <= marker.confidence <= 1
        assert marker.source
        assert marker.status in STATUSES


def test_words_of_the_short_list_are_worth_the_same_here() -> None:
    lexicon = load_lexicon()
    shared = verbal.WORDS.keys() & lexicon.markers.keys()
    assert len(shared) >= 20
    assert {word: lexicon.markers[word].confidence for word in shared} == {word: verbal.WORDS[word] for word in shared}


@pytest.mark.parametrize(
    ("text", "value", "markers"),
    [
        ("It is almost certainly Rome.", 0.95, ("almost certainly",)),
        ("Very likely Rome", 0.9, ("very likely",)),
        ("It may be Rome.", 0.45, ("may",)),
        ("It was Rome in May 1945.", 0.8, ()),
        ("A certain man of Rome made sure of it.", 0.8, ()),
        ("I am certain it is Rome.", 0.95, ("certain",)),
        ("I am not at all certain, but Rome.", 0.35, ("certain",)),
        ("I'm not sure, but I believe it is Rome.", 0.35, ("not sure", "i believe")),
        ("I\u2019m not sure.", 0.35, ("not sure",)),
        ("It is not impossible that it was Rome.", 0.3, ("not impossible",)),
        ("That it was Rome is highly likely.", 0.86, ("likely",)),
        ("That it was Rome is fairly certain.", 0.725, ("certain",)),
        ("It isn't very likely to be Rome.", 0.35, ("very likely",)),
        ("It is probably not Rome but Milan.", 0.75, ("probably",)),
        ('He said "it is perhaps Rome". It is Rome.', 0.8, ()),
        ("The text \u201cperhaps\u201d is clearly about Rome.", 0.95, ("clearly",)),
        ("There is no doubt that it is Rome.", 0.97, ("there is no doubt",)),
        ("Perhaps Rome. Definitely not Milan.", 0.42, ("perhaps", "definitely")),
        ("I don't know.", 0.1, ("i don't know",)),
    ],
)
def test_hedges_are_read(text: str, value: float, markers: tuple[str, ...]) -> None:
    found = read_linguistic(text)
    assert found.value == pytest.approx(value)
    assert found.reason is None
    assert found.markers == markers
    assert found.unmarked == (not markers)
    assert found.by_words == bool(markers)


def test_a_percentage_about_being_sure_wins_over_words() -> None:
    found = read_linguistic("Perhaps it is Rome. I'm 85% sure. Prices rose by 5% there.")
    assert (found.value, found.markers, found.unmarked) == (0.85, (), False)
    assert read_linguistic("The chance that it is Rome is about 30%.").value == 0.3
    for text in ("Prices rose by 5%, perhaps.", "Perhaps 10% of it, or 20%."):
        assert read_linguistic(text).value == 0.42


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (" \n", "blank"),
        ("I'm 80% sure it is Rome. I'm 10% sure it is Milan.", "several percentages"),
        ("I'm 80% to 90% sure.", "a percentage that cannot be read"),
        ("It is not doubtful that it was Rome.", "a negated doubt"),
    ],
)
def test_what_is_unclear_has_no_value_and_a_reason(text: str, reason: str) -> None:
    assert read_linguistic(text)[:2] == (None, reason)


def test_a_plain_statement_has_the_number_that_is_asked_for_or_none() -> None:
    assert read_linguistic("Rome.", unmarked=0.6).value == 0.6
    assert read_linguistic("Rome.", unmarked=None)[:2] == (None, "no hedge")


def test_of_several_hedges_the_weakest_or_the_mean_is_taken() -> None:
    text = "Probably Rome, I think."
    assert read_linguistic(text).value == 0.65
    assert read_linguistic(text, several="mean").value == pytest.approx(0.7)


def test_a_lexicon_of_ones_own_is_read_and_a_wrong_one_named(tmp_path: Path) -> None:
    mine = json.loads(LEXICON.read_text()) | {"name": "mine", "unmarked": 0.5}
    mine["markers"] = [{"text": "methinks", "confidence": 0.6, "source": "I", "status": "proposal"}]
    path = tmp_path / "mine-1.json"
    path.write_text(json.dumps(mine))
    lexicon = load_lexicon(path)
    assert read_linguistic("Methinks Rome.", lexicon=lexicon).value == 0.6
    assert read_linguistic("Probably Rome.", lexicon=lexicon).value == 0.5
    mine["markers"][0]["confidence"] = 60
    other = tmp_path / "other.json"
    other.write_text(json.dumps(mine))
    with pytest.raises(ConfigError, match="confidence of 'methinks' is 60; it must lie in"):
        load_lexicon(other)
    other.write_text("{}")
    load_lexicon.cache_clear()
    with pytest.raises(ConfigError, match=r"other\.json is no lexicon of hedges: 'markers'"):
        load_lexicon(other)
    with pytest.raises(ConfigError, match="no lexicon"):
        load_lexicon(tmp_path / "none.json")
