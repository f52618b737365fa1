from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

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


def show(settler: Settler, transcript: Transcript, *, start_ms: int = 0, end_ms: int = 0):
    """A partial of sound that ends at `end_ms`, or with the last word."""
    last_ms = start_ms + max((word.end_ms for word in transcript.words), default=0)
    return settler.partial(transcript, start_ms=start_ms, audio_end_ms=end_ms or last_ms)


# Partials.


def test_a_partial_shows_all_words_with_times_of_the_recording():
    partial = show(Settler(), heard("we start now"), start_ms=5_000)
    assert partial is not None
    assert (partial.text, partial.start_ms, partial.end_ms) == ("we start now", 5_000, 6_150)


def test_the_same_words_again_are_shown_again_only_to_say_that_they_are_settled():
    settler = Settler()
    shown = [show(settler, heard("we start")) for _ in range(3)]
    assert [p and (p.text, p.settled_words) for p in shown] == [
        ("we start", 0),
        ("we start", 2),
        None,
    ]
    assert show(settler, heard("we start now"))


def test_a_decoding_that_hears_nothing_takes_nothing_away():
    settler = Settler()
    show(settler, heard("we start"))
    assert show(settler, heard("")) is None
    partial = show(settler, heard("we start now"))
    assert partial
    assert partial.text == "we start now"


def test_settled_words_stay_and_keep_their_spelling():
    settler = Settler()
    shown = [
        show(settler, heard(text))
        for text in (
            "James will",
            "James will write",
            "james Will, wright the",  # "james will" was agreed on, "write" was not
            "Shames will wright the document",
            "Shames will write the document tomorrow",
        )
    ]
    assert [p and (p.text, p.settled_words) for p in shown] == [
        ("James will", 0),
        ("James will write", 2),
        ("James will wright the", 2),
        ("James will wright the document", 4),
        ("James will wright the document tomorrow", 5),
    ]


def test_likely_words_well_before_the_newest_sound_are_settled_at_once():
    settler = Settler()
    words = [*heard("we start now").words, *heard("then", start_ms=1_200).words]
    unlikely = Word(text="maybe", start_ms=1_600, end_ms=1_900, probability=0.5)
    words += [unlikely, *heard("later", start_ms=2_000).words]
    transcript = Transcript(text="we start now then maybe later", language="en", words=(*words,))
    partial = show(settler, transcript, end_ms=1_500)
    assert partial
    assert partial.settled_words == 2  # "now" ends 350 ms before
    partial = show(Settler(), transcript, end_ms=4_000)
    assert partial
    assert partial.settled_words == 4  # not the unlikely one, nor what follows it


def test_a_settled_word_that_is_heard_otherwise_later_hides_no_other_word():
    settler = Settler()
    show(settler, heard("write the"))
    show(settler, heard("write the"))
    partial = show(settler, heard("right document today"))
    assert partial
    assert partial.text == "write the today"  # "document" is where "the" was
    later = Transcript(text="", language="en", words=tuple(words("right document", step_ms=790)))
    partial = show(settler, later)
    assert partial
    assert partial.text == "write the document"  # now it comes after it


def test_marks_and_case_alone_are_no_news():
    settler = Settler()
    said = ["we start", "We start.", "we start, now", "We start now!", "we start now"]
    shown = [show(settler, heard(text)) for text in said]
    assert [p and (p.text, p.settled_words) for p in shown] == [
        ("we start", 0),
        ("we start", 2),
        ("we start now", 2),
        ("we start now", 3),
        None,
    ]
    assert shown[2]
    assert " ".join(word.text for word in shown[2].words) == shown[2].text


def test_korean_words_keep_their_spaces_and_japanese_has_none():
    settler = Settler()
    partial = show(settler, heard("회의를 시작하겠습니다", "ko"))
    assert partial
    assert partial.text == "회의를 시작하겠습니다"
    assert join(words("会議 を 始め ます"), "ja") == "会議を始めます"


def test_a_transcript_without_word_times_is_taken_too():
    settler = Settler()
    untimed = Transcript(text="no times here", language="en")
    assert settler.partial(untimed, start_ms=1_000, audio_end_ms=2_000)
    [piece] = settler.final(untimed, start_ms=1_000)
    assert (piece.text, piece.start_ms, piece.end_ms) == ("no times here", 1_000, 1_900)


# Finals.


def test_a_final_is_what_the_last_decoding_heard():
    settler = Settler("before")
    show(settler, heard("we stare"), start_ms=2_000)
    [piece] = settler.final(heard("We start."), start_ms=2_000)
    assert (piece.text, piece.start_ms, piece.end_ms) == ("We start.", 2_000, 2_750)
    assert [word.start_ms for word in piece.words] == [2_000, 2_400]
    assert settler.previous_text == "before We start."


def test_an_utterance_knows_nothing_of_the_one_before():
    settler = Settler()
    show(settler, heard("same words"))
    settler.final(heard("same words"), start_ms=0)
    partial = show(settler, heard("same words"), start_ms=5_000)
    assert partial
    assert partial.settled_words == 0


def test_the_final_keeps_settled_words_and_spells_and_times_them_as_it_hears_them():
    settler = Settler()
    for _ in range(2):
        show(settler, heard("james wrote the paper yes"))
    [piece] = settler.final(
        heard("James, wrote a Paper yesterday. And now", start_ms=30), start_ms=0
    )
    assert piece.text == "James, wrote the Paper yes And now"
    assert [word.start_ms for word in piece.words] == [30, 430, 800, 1230, 1600, 2030, 2430]
    times = [t for word in piece.words for t in (word.start_ms, word.end_ms)]
    assert times == sorted(times)


def test_settled_words_become_final_when_the_last_decoding_hears_nothing():
    settler = Settler()
    for _ in range(2):
        show(settler, heard("we start"))
    [piece] = settler.final(Transcript(text="", language=""), start_ms=0)
    assert piece.text == "we start"


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


def listen(settler: Settler, text: str, *, start_ms: int = 0, end_ms: int, gap_ms: int = 50):
    """Two decodings of sound that ends at `end_ms`, and what becomes of its beginning."""
    for _ in range(2):
        show(settler, heard(text, gap_ms=gap_ms), start_ms=start_ms, end_ms=end_ms)
    return settler.commit(start_ms=start_ms, audio_end_ms=end_ms)


def test_a_short_window_commits_nothing():
    assert listen(Settler(), "we say it. and go on", end_ms=7_900) is None


def test_words_that_are_not_settled_are_not_committed():
    settler = Settler()
    unsure = Transcript(
        text=LONG,
        language="en",
        words=tuple(structs.replace(word, probability=0.5) for word in words(LONG)),
    )
    show(settler, unsure, end_ms=12_000)
    assert settler.commit(start_ms=0, audio_end_ms=12_000) is None


def test_a_long_window_commits_its_sentences_and_trims_between_words():
    settler = Settler("before")
    committed = listen(settler, LONG, start_ms=1_000, end_ms=10_000)
    assert committed is not None
    assert texts(committed.pieces) == ["so the first thing is the release we ship it on friday."]
    assert committed.trim_to_ms == 1_000 + 12 * 400 - 25
    assert settler.previous_text.endswith("on friday.")
    partial = show(settler, heard("the second thing is the budget"), start_ms=committed.trim_to_ms)
    assert partial
    assert partial.text.startswith("the second thing is the budget")
    assert partial.settled_words >= 6  # settled before the cut, and still
    rest = " ".join(LONG.split()[12:])
    [piece] = settler.final(heard(rest.capitalize()), start_ms=committed.trim_to_ms)
    assert piece.text == rest.capitalize()


def test_only_settled_words_are_cut_off():
    text = "a b c d e f g h i j k l m n o p q r s t. u"
    settler = Settler()
    one = heard(text)
    unsure = [structs.replace(word, probability=0.5) for word in one.words]
    show(settler, structs.replace(one, words=tuple(unsure)), end_ms=20 * 400 + 200)
    assert settler.commit(start_ms=0, audio_end_ms=20 * 400 + 200) is None
    assert listen(settler, text, end_ms=20 * 400 + 200) is not None


def test_speech_without_any_break_is_cut_in_the_end():
    text = "a b c d e f g h i j k l m n o p q r s t u v w x y z aa bb cc dd ee ff"
    settler = Settler()
    assert listen(settler, text, end_ms=11_000, gap_ms=0) is None
    committed = listen(settler, text, end_ms=12_800, gap_ms=0)
    assert committed is not None
    assert committed.trim_to_ms >= 6_000


def test_the_rest_of_a_committed_word_heard_again_is_dropped():
    settler = Settler()
    committed = listen(settler, LONG, end_ms=10_000)
    assert committed
    at_ms = committed.trim_to_ms
    rest = " ".join(LONG.split()[12:])
    partial = show(settler, heard(f"Friday {rest}", step_ms=250), start_ms=at_ms)
    assert partial is None or partial.text == rest
    [piece] = settler.final(heard(f"Friday. {rest}", step_ms=250), start_ms=at_ms)
    assert piece.text == rest


def test_a_whole_word_after_the_cut_is_no_echo():
    settler = Settler()
    committed = listen(
        settler, "friday. ".join(["so we ship it on ", "friday. " * 14]), end_ms=9_000
    )
    assert committed
    at_ms = committed.trim_to_ms
    said = sum(len(piece.words) for piece in committed.pieces)
    rest = 20 - said
    pieces = settler.final(heard(" ".join(["Friday"] * rest)), start_ms=at_ms)
    assert sum(len(piece.words) for piece in pieces) == rest


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


@settings(max_examples=60, deadline=None)
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
        settler.partial(transcript, start_ms=start_ms, audio_end_ms=end_ms)
        committed = settler.commit(start_ms=start_ms, audio_end_ms=end_ms)
        if committed:
            finals += committed.pieces
            assert start_ms < committed.trim_to_ms < end_ms
            start_ms = committed.trim_to_ms
    finals += settler.final(decode(said, start_ms, total_ms), start_ms=start_ms)

    assert [w.text for p in finals for w in p.words] == [w.text for w in said]
    assert [w.start_ms for p in finals for w in p.words] == [w.start_ms for w in said]
    assert all(p.text == " ".join(w.text for w in p.words) for p in finals)
    assert all(p.end_ms - p.start_ms <= 12_000 for p in finals)


@settings(max_examples=200, deadline=None)
@given(
    hypotheses=st.lists(
        st.tuples(
            st.lists(st.sampled_from(["a", "b", "c.", "d"]), max_size=40),
            st.integers(250, 420),
            st.floats(0, 1),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_settled_words_never_change(hypotheses):
    """Whatever nonsense the recogniser says, and however it times it."""
    settler, settled, start_ms = Settler(), [], 0
    for turn, (said, step_ms, probability) in enumerate(hypotheses):
        spoken = [
            structs.replace(word, probability=probability)
            for word in words(" ".join(said), step_ms=step_ms)
        ]
        transcript = Transcript(text=" ".join(said), language="en", words=tuple(spoken))
        end_ms = start_ms + 3_000 * (turn + 1)
        partial = settler.partial(transcript, start_ms=start_ms, audio_end_ms=end_ms)
        if partial:
            now = [word.text for word in partial.words]
            assert now[: len(settled)] == settled
            assert partial.settled_words >= len(settled)
            settled = now[: partial.settled_words]
        committed = settler.commit(start_ms=start_ms, audio_end_ms=end_ms)
        if committed:
            out = [word.text for piece in committed.pieces for word in piece.words]
            assert out == settled[: len(out)]
            settled, start_ms = settled[len(out) :], committed.trim_to_ms
    final = settler.final(heard(" ".join(hypotheses[-1][0])), start_ms=start_ms)
    out = [word.text for piece in final for word in piece.words]
    assert out[: len(settled)] == settled
