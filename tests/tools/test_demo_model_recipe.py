"""The demo model's recipe: the parts that need neither torch nor a synthesiser."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "tools" / "demo_model"
TRUTH = ROOT / "vori" / "demo" / "truth.json"


@pytest.fixture(scope="module")
def sentences() -> Iterator[ModuleType]:
    sys.path.insert(0, str(RECIPE))
    import sentences as module

    yield module
    sys.path.remove(str(RECIPE))


@pytest.fixture(scope="module")
def bpe(sentences: ModuleType) -> ModuleType:
    import bpe as module

    return module


def test_the_same_seed_draws_the_same_sentences(sentences: ModuleType) -> None:
    assert sentences.draw(3, 200) == sentences.draw(3, 200)
    assert sentences.draw(3, 200) != sentences.draw(4, 200)


def test_sentences_are_written_one_way(sentences: ModuleType) -> None:
    for text in sentences.draw(5, 2000, common=["window", "under", "happen"]):
        assert text[0].isupper()
        assert text[-1] in ".?"
        assert not set(text) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ' ,.?"), (
            text
        )


def test_meeting_talk_is_written_the_same_way_and_varied(sentences: ModuleType) -> None:
    talk = sentences.draw(10_000, 2000, only_talk=True)
    assert talk == sentences.draw(10_000, 2000, only_talk=True)
    assert len(set(talk)) > 1600
    for text in talk:
        assert re.fullmatch(r"[A-Z][A-Za-z' ,]*[.?]", text), text
        assert "  " not in text


def test_meeting_talk_puts_verbs_with_their_things(sentences: ModuleType) -> None:
    hired = {
        found[1]
        for text in sentences.draw(10_000, 4000, only_talk=True)
        if (found := re.search(r"\bhire (?:an?|another|two) (?:new )?(\w+)", text))
    }
    assert hired
    assert hired <= {
        "designer",
        "engineer",
        "tester",
        "driver",
        "accountant",
        "manager",
        "students",
    }


def test_every_symbol_of_the_grammar_has_an_expansion(sentences: ModuleType) -> None:
    grammar = sentences.Grammar(1)
    for alternatives in sentences.RULES.values():
        for text in alternatives:
            for symbol in re.findall(r"\{(\w+)\??\}", text):
                grammar._expand(symbol)  # KeyError for one that is not there


def test_the_demo_meeting_and_the_unseen_sentences_are_kept_apart_from_meeting_talk(
    sentences: ModuleType,
) -> None:
    kept = [s["text"] for s in json.loads(TRUTH.read_text())["segments"]]
    kept += (RECIPE / "unseen.txt").read_text().splitlines()
    talk = sentences.draw(10_001, 2000, only_talk=True, exclude=kept)
    assert not {sentences.normal(s) for s in kept} & {sentences.normal(s) for s in talk}


def test_there_are_words_and_names_enough(sentences: ModuleType) -> None:
    said = {w for s in sentences.draw(1, 20_000) for w in sentences.normal(s).split()}
    assert len(said) >= 2000
    assert len({n.lower() for n in sentences.NAMES} & said) >= 60


def test_numbers_are_words(sentences: ModuleType) -> None:
    assert sentences.number(0) == "zero"
    assert sentences.number(25) == "twenty five"
    assert sentences.number(125) == "one hundred and twenty five"
    assert sentences.number(2004) == "two thousand and four"
    assert sentences.number(31_200) == "thirty one thousand two hundred"
    assert sentences.ordinals()[30] == "thirty first"


@pytest.mark.parametrize(
    ("verb", "forms"),
    [
        ("write", ["write", "writes", "wrote", "written", "writing"]),
        ("fix", ["fix", "fixes", "fixed", "fixed", "fixing"]),
        ("copy", ["copy", "copies", "copied", "copied", "copying"]),
        ("plan", ["plan", "plans", "planned", "planned", "planning"]),
        ("close", ["close", "closes", "closed", "closed", "closing"]),
        ("agree", ["agree", "agrees", "agreed", "agreed", "agreeing"]),
    ],
)
def test_verbs_inflect(sentences: ModuleType, verb: str, forms: list[str]) -> None:
    assert sentences.inflect(verb) == forms


def test_tidy_sets_an_before_vowels(sentences: ModuleType) -> None:
    assert (
        sentences.tidy("a apple and a user wait a hour , ok")
        == "An apple and a user wait an hour, ok."
    )


def test_sentences_kept_apart_are_never_drawn(sentences: ModuleType) -> None:
    some = sentences.draw(7, 50)
    kept = {sentences.normal(s) for s in some}
    assert not kept & {sentences.normal(s) for s in sentences.draw(7, 200, exclude=some)}


def test_the_grammar_does_not_know_the_demo_meeting(sentences: ModuleType) -> None:
    meeting = {sentences.normal(s["text"]) for s in json.loads(TRUTH.read_text())["segments"]}
    assert not meeting & {sentences.normal(s) for s in sentences.draw(0, 20_000)}


def test_every_word_can_begin_with_its_space(bpe: ModuleType) -> None:
    merges = bpe.learn(["The cat sat on the mat.", "Cats sit."], 330)
    space = bpe.byte_letters()[bpe.byte_letters_space()]
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    assert {space + c for c in letters} <= {a + b for a, b in merges}


def test_the_frequent_pair_merges_first(bpe: ModuleType) -> None:
    merges = bpe.learn(["xab yab zab abc"], 256 + 54 + 2)
    assert merges[54] == ("a", "b")
    assert len(merges) == 56


def test_special_tokens_have_whispers_order(bpe: ModuleType, tmp_path: Path) -> None:
    assert [bpe.EOT, bpe.SOT, bpe.PREV, bpe.NOSPEECH, bpe.NOTIMESTAMPS] == [
        1000, 1001, 1006, 1007, 1008,
    ]  # fmt: skip
    assert bpe.TIME0 == 1009
    assert bpe.VOCABULARY == 2510
    tokenizers = pytest.importorskip("tokenizers")
    path = tmp_path / "tokenizer.json"
    texts = ["Minji, can you write the release notes by Friday? I'll wait."] * 3
    bpe.save(bpe.learn([*texts, "The cat sat."], bpe_pieces(bpe)), path)
    tokenizer = tokenizers.Tokenizer.from_file(str(path))
    ids = tokenizer.encode(" " + texts[0], add_special_tokens=False).ids
    assert tokenizer.decode(ids) == " " + texts[0]


def bpe_pieces(bpe: ModuleType) -> int:
    """Few enough merges for a few sentences."""
    return 256 + 54 + 20
