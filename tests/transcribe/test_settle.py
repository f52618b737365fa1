from hypothesis import given, settings
from hypothesis import strategies as st

from vori.transcribe.messages import Transcript, Word
from vori.transcribe.settle import Piece, Settler, join, split


def words(text: str, *, start_ms: int = 0, step_ms: int = 400, gap_ms: int = 50) -> list[Word]:
    return [
        Word(
            text=word,
            start_ms=start_ms + i * step_ms,
            end_ms=start_ms + (i + 1) * step_ms - gap_ms,
            probability=0.9,
        )
        for i, word in enumerate(text.split())
    ]


def heard(text: str, language: str = "en", **times: int) -> Transcript:
    return Transcript(text=text, language=language, words=tuple(words(text, **times)))


def texts(pieces: list[Piece]) -> list[str]:
    return [piece.text for piece in pieces]


# Partials.


def test_a_partial_shows_all_words_with_times_of_the_recording():
    partial = Settler().partial(heard("we start now"), start_ms=5_000)
    assert partial is not None
    assert (partial.text, partial.start_ms, partial.end_ms) == ("we start now", 5_000, 6_150)


def test_the_same_words_again_are_not_shown_again():
    settler = Settler()
    assert settler.partial(heard("we start"), start_ms=0)
    assert settler.partial(heard("we start"), start_ms=0) is None
    assert settler.partial(heard("we start now"), start_ms=0)


def test_a_decoding_that_hears_nothing_takes_nothing_away():
    settler = Settler()
    settler.partial(heard("we start"), start_ms=0)
    assert settler.partial(heard(""), start_ms=0) is None
    partial = settler.partial(heard("we start now"), start_ms=0)
    assert partial
    assert partial.text == "we start now"


def test_words_agreed_on_do_not_flicker_and_keep_their_spelling():
    settler = Settler()
    shown = [
        settler.partial(heard(text), start_ms=0)
        for text in (
            "James will",
            "James will write",
            "james Will, wright the",  # "james will" was agreed on, "write" was not
            "Shames will wright the document",  # one decoding alone changes nothing agreed on
            "James will write the document tomorrow",
        )
    ]
    assert [p and p.text for p in shown] == [
        "James will",
        "James will write",
        "James will wright the",
        "James will wright the document",
        "James will write the document tomorrow",
    ]


def test_marks_and_case_alone_are_no_news():
    settler = Settler()
    said = ["we start", "We start.", "we start, now", "We start now!"]
    shown = [settler.partial(heard(text), start_ms=0) for text in said]
    assert [p and p.text for p in shown] == ["we start", None, "we start now", None]
    assert shown[2]
    assert " ".join(word.text for word in shown[2].words) == shown[2].text


def test_what_two_decodings_say_replaces_what_was_agreed_on_before():
    settler = Settler()
    for text in ("I scream now", "I scream now", "ice cream now please", "ice cream now please"):
        partial = settler.partial(heard(text), start_ms=0) or partial  # noqa: F821
    assert partial.text == "ice cream now please"


def test_korean_words_keep_their_spaces_and_japanese_has_none():
    settler = Settler()
    partial = settler.partial(heard("회의를 시작하겠습니다", "ko"), start_ms=0)
    assert partial
    assert partial.text == "회의를 시작하겠습니다"
    assert join(words("会議 を 始め ます"), "ja") == "会議を始めます"


def test_a_transcript_without_word_times_is_taken_too():
    settler = Settler()
    untimed = Transcript(text="no times here", language="en")
    assert settler.partial(untimed, start_ms=1_000)
    [piece] = settler.final(untimed, start_ms=1_000)
    assert (piece.text, piece.start_ms, piece.end_ms) == ("no times here", 1_000, 1_900)


# Finals.


def test_a_final_is_what_the_last_decoding_heard():
    settler = Settler("before")
    settler.partial(heard("we stare"), start_ms=2_000)
    [piece] = settler.final(heard("We start."), start_ms=2_000)
    assert (piece.text, piece.start_ms, piece.end_ms) == ("We start.", 2_000, 2_750)
    assert [word.start_ms for word in piece.words] == [2_000, 2_400]
    assert settler.previous_text == "before We start."


def test_an_utterance_knows_nothing_of_the_one_before():
    settler = Settler()
    settler.partial(heard("same words"), start_ms=0)
    settler.final(heard("same words"), start_ms=0)
    assert settler.partial(heard("same words"), start_ms=5_000)


def test_no_words_make_no_final():
    settler = Settler("before")
    assert settler.final(heard(""), start_ms=0) == []
    assert settler.previous_text == "before"


def test_history_keeps_its_end_only():
    settler = Settler()
    for _ in range(100):
        settler.final(heard("one hundred sentences are said here"), start_ms=0)
    assert len(settler.previous_text) <= 400
    assert settler.previous_text.endswith("said here")


def test_long_finals_are_cut_at_sentences():
    text = "one two three four five six seven eight nine ten. " * 5
    pieces = Settler().final(heard(text.strip()), start_ms=0)
    assert all(p.end_ms - p.start_ms <= 12_000 for p in pieces)
    assert all(p.text.endswith("ten.") for p in pieces)
    assert " ".join(texts(pieces)) == text.strip()


def test_korean_without_full_stops_is_cut_after_verb_endings():
    text = "이번 주 안에 배포 문서를 정리해서 공유하겠습니다 " * 6
    pieces = Settler().final(heard(text.strip(), "ko"), start_ms=0)
    assert len(pieces) > 1
    assert all(p.text.endswith("공유하겠습니다") for p in pieces)


def test_without_sentences_the_longest_pause_is_the_cut():
    first, second = words("a b c d e f g h i j k l m n o p"), words("q r s t", start_ms=7_000)
    spoken = [*first, *(w for w in words("u v w x", start_ms=9_500))]
    parts = split([*spoken[:16], *second, *spoken[16:]], max_ms=9_000)
    assert [[w.text for w in part][-1] for part in parts] == ["p", "x"]


def test_one_endless_word_stays_whole():
    endless = Word(text="aaa", start_ms=0, end_ms=20_000, probability=0.5)
    assert split([endless], max_ms=12_000) == [[endless]]


# Early finals in long speech.

LONG = (
    "so the first thing is the release we ship it on friday. "
    "the second thing is the budget and that one is harder"
)


def test_a_short_window_commits_nothing():
    settler = Settler()
    for _ in range(3):
        transcript = heard("we say it. and go on")
        settler.partial(transcript, start_ms=0)
        assert settler.commit(transcript, start_ms=0, audio_end_ms=7_900) is None


def test_words_of_one_decoding_alone_are_not_committed():
    transcript = heard(LONG)
    settler = Settler()
    settler.partial(transcript, start_ms=0)
    assert settler.commit(transcript, start_ms=0, audio_end_ms=12_000) is None
    # The same transcript twice is still one decoding.
    assert settler.commit(transcript, start_ms=0, audio_end_ms=12_000) is None


def test_a_long_window_commits_its_sentences_and_trims_between_words():
    settler = Settler("before")
    settler.partial(heard(LONG), start_ms=1_000)
    again = heard(LONG)
    settler.partial(again, start_ms=1_000)
    committed = settler.commit(again, start_ms=1_000, audio_end_ms=10_000)
    assert committed is not None
    assert texts(committed.pieces) == ["so the first thing is the release we ship it on friday."]
    assert committed.trim_to_ms == 1_000 + 12 * 400 - 25
    assert settler.previous_text.endswith("on friday.")
    partial = settler.partial(
        heard("the second thing is the budget"), start_ms=committed.trim_to_ms
    )
    assert partial
    assert partial.text == "the second thing is the budget"
    [piece] = settler.final(heard("The second thing."), start_ms=committed.trim_to_ms)
    assert piece.text == "The second thing."


def test_words_near_the_newest_sound_wait():
    text = "a b c d e f g h i j k l m n o p q r s t. u"
    settler = Settler()
    settler.partial(heard(text), start_ms=0)
    assert settler.commit(heard(text), start_ms=0, audio_end_ms=20 * 400 + 200) is None
    assert settler.commit(heard(text), start_ms=0, audio_end_ms=20 * 400 + 500) is not None


def test_speech_without_any_break_is_cut_in_the_end():
    text = "a b c d e f g h i j k l m n o p q r s t u v w x y z aa bb cc dd ee ff"
    settler = Settler()
    settler.partial(heard(text, gap_ms=0), start_ms=0)
    again = heard(text, gap_ms=0)
    assert settler.commit(again, start_ms=0, audio_end_ms=11_000) is None
    committed = settler.commit(again, start_ms=0, audio_end_ms=12_800)
    assert committed is not None
    assert committed.trim_to_ms >= 6_000


def test_the_rest_of_a_committed_word_heard_again_is_dropped():
    settler = Settler()
    settler.partial(heard(LONG), start_ms=0)
    committed = settler.commit(heard(LONG), start_ms=0, audio_end_ms=10_000)
    assert committed
    at_ms = committed.trim_to_ms
    partial = settler.partial(heard("Friday the second", step_ms=250), start_ms=at_ms)
    assert partial
    assert partial.text == "the second"
    [piece] = settler.final(heard("Friday. the second thing", step_ms=250), start_ms=at_ms)
    assert piece.text == "the second thing"


def test_a_whole_word_after_the_cut_is_no_echo():
    settler = Settler()
    settler.partial(heard(LONG), start_ms=0)
    committed = settler.commit(heard(LONG), start_ms=0, audio_end_ms=10_000)
    assert committed
    [piece] = settler.final(heard("Friday the second"), start_ms=committed.trim_to_ms)
    assert piece.text == "Friday the second"


def test_a_word_said_twice_across_the_cut_stays_twice():
    text = LONG.replace("the second", "friday the second")
    settler = Settler()
    settler.partial(heard(text), start_ms=0)
    committed = settler.commit(heard(text), start_ms=0, audio_end_ms=10_000)
    assert committed
    [piece] = settler.final(heard("friday the second"), start_ms=committed.trim_to_ms)
    assert piece.text == "friday the second"


# Whatever is said, and however it is heard while it grows.

VOCABULARY = ["yes", "no", "we", "ship", "it", "friday.", "문서를", "작성합니다", "and", "then,"]


@st.composite
def speeches(draw) -> list[Word]:
    at_ms, said = 0, []
    for _ in range(draw(st.integers(1, 120))):
        at_ms += draw(st.sampled_from([0, 0, 20, 60, 300, 450]))
        end_ms = at_ms + draw(st.integers(80, 700))
        text = draw(st.sampled_from(VOCABULARY))
        said.append(Word(text=text, start_ms=at_ms, end_ms=end_ms, probability=0.9))
        at_ms = end_ms
    return said


def decode(said: list[Word], start_ms: int, end_ms: int, tail: str = "") -> Transcript:
    """An ear without fault, but for the word that is still being said."""
    whole = [w for w in said if (w.start_ms + w.end_ms) / 2 >= start_ms and w.end_ms <= end_ms]
    shifted = [
        Word(
            text=w.text,
            start_ms=max(0, w.start_ms - start_ms),
            end_ms=w.end_ms - start_ms,
            probability=0.9,
        )
        for w in whole
    ]
    is_cut = any(w.start_ms < end_ms < w.end_ms for w in said)
    if tail and is_cut:
        begin_ms = shifted[-1].end_ms if shifted else 0
        shifted.append(
            Word(text=tail, start_ms=begin_ms, end_ms=end_ms - start_ms, probability=0.2)
        )
    return Transcript(text=" ".join(w.text for w in shifted), language="en", words=tuple(shifted))


@settings(max_examples=100, deadline=None)
@given(
    said=speeches(),
    step_ms=st.integers(200, 3_000),
    tails=st.lists(st.sampled_from(["", "ya", "wee", "yes", "it"]), min_size=1, max_size=7),
)
def test_no_word_is_lost_or_said_twice_and_finals_are_in_order(said, step_ms, tails):
    settler, finals, start_ms = Settler(), [], 0
    total_ms = said[-1].end_ms
    for turn, end_ms in enumerate(range(step_ms, total_ms, step_ms)):
        transcript = decode(said, start_ms, end_ms, tails[turn % len(tails)])
        settler.partial(transcript, start_ms=start_ms)
        committed = settler.commit(transcript, start_ms=start_ms, audio_end_ms=end_ms)
        if committed:
            finals += committed.pieces
            assert start_ms < committed.trim_to_ms < end_ms
            start_ms = committed.trim_to_ms
    finals += settler.final(decode(said, start_ms, total_ms), start_ms=start_ms)

    assert [w.text for p in finals for w in p.words] == [w.text for w in said]
    assert [w.start_ms for p in finals for w in p.words] == [w.start_ms for w in said]
    assert all(p.text == " ".join(w.text for w in p.words) for p in finals)
    assert all(p.end_ms - p.start_ms <= 12_000 for p in finals)


@settings(max_examples=100, deadline=None)
@given(
    hypotheses=st.lists(
        st.lists(st.sampled_from(["a", "b", "c.", "d"]), max_size=40), min_size=1, max_size=8
    )
)
def test_only_what_two_decodings_in_a_row_said_becomes_final_early(hypotheses):
    settler, before = Settler(), []
    for said in hypotheses:
        transcript = heard(" ".join(said))
        settler.partial(transcript, start_ms=0)
        committed = settler.commit(transcript, start_ms=0, audio_end_ms=20_000)
        if committed:
            out = [w.text for p in committed.pieces for w in p.words]
            assert out == said[: len(out)] == before[: len(out)]
            return
        before = said or before
