import pytest

from vori.transcribe.guard import compression_ratio, why_not_said
from vori.transcribe.messages import Transcript, Word


def heard(text: str, *, logprob: float = -0.3, no_speech: float = 0.05, probability: float = 0.9):
    words = tuple(
        Word(text=word, start_ms=0, end_ms=100, probability=probability) for word in text.split()
    )
    return Transcript(
        text=text,
        language="en",
        words=words,
        avg_logprob=logprob,
        no_speech_prob=no_speech,
    )


@pytest.mark.parametrize(
    ("text", "speech_s"),
    [
        ("James will write the document tomorrow. And Julia is designing the UI right now.", 5),
        ("이번 주 금요일까지 민수 님이 배포 문서를 작성해 주세요.", 4),
        ("네 네 네, 알겠습니다", 1.2),
        ("No, no, no, no, that is not what I said", 2.5),
        ("OK", 0.4),
        ("네", 0.3),
        ("Thank you.", 0.6),
        ("one two three four five six seven eight nine ten", 4),
        ("1000000000000", 5),
        ("We can ship it on Monday, or we can ship it on Tuesday, or we can ship it later", 5),
        ("하하하하하 그건 좀 아닌 것 같아요", 2.5),
    ],
)
def test_what_people_say_passes(text, speech_s):
    assert why_not_said(heard(text), speech_s) is None


@pytest.mark.parametrize("text", ["", "...", "?!", "♪ ♪", "-", "  ", "。。。", "_"])
def test_text_without_a_letter_is_empty(text):
    assert why_not_said(heard(text), 3) == "empty"


def test_likely_silence_with_unlikely_words_is_silence():
    assert why_not_said(heard("so yeah", logprob=-1.3, no_speech=0.8), 3) == "silence"
    assert why_not_said(heard("so yeah", logprob=-0.4, no_speech=0.8), 3) is None
    assert why_not_said(heard("so yeah", logprob=-1.3, no_speech=0.2), 3) is None


@pytest.mark.parametrize(
    "text",
    [
        "and so the thing is " * 8,
        "the the the the the the the the the",
        "we should we should we should we should we should go",
        "그래서 우리가 그래서 우리가 그래서 우리가 그래서 우리가 그래서 우리가",
        "Let's move on. Let's move on. Let's move on. Let's move on. Let's move on.",
        "아아아아아아아아아아아아아아",
        "hahahahahahahahahahahahahahaha",
    ],
)
def test_a_phrase_again_and_again_is_a_loop(text):
    assert why_not_said(heard(text), 20) == "loop"


def test_a_loop_after_real_words_is_found():
    text = "James will write the document " + "tomorrow " * 9
    assert why_not_said(heard(text), 10) == "loop"


def test_more_than_a_mouth_can_say_is_too_fast():
    text = "James will write the document tomorrow and Julia is designing the page right now"
    assert why_not_said(heard(text), 0.8) == "too_fast"
    assert why_not_said(heard(text), 4.0) is None
    korean = "이번 주 금요일까지 민수 님이 배포 문서를 작성해 주시면 됩니다"
    assert why_not_said(heard(korean), 0.8) == "too_fast"
    assert why_not_said(heard(korean), 2.5) is None


def test_words_that_are_aligned_past_the_sound_were_not_said():
    def at(*starts_ms: int) -> Transcript:
        words = tuple(
            Word(text="word", start_ms=ms, end_ms=ms + 20, probability=0.9) for ms in starts_ms
        )
        return Transcript(text="and so it goes", language="en", words=words, avg_logprob=-0.3)

    assert why_not_said(at(100, 2_980, 2_980, 3_000), 3) == "past_the_sound"
    assert why_not_said(at(100, 900, 1_800, 2_980), 3) is None


PHANTOMS = [
    "Thanks for watching!",
    "Thank you for watching.",
    "Please subscribe to my channel.",
    "Subtitles by the Amara.org community",
    "시청해주셔서 감사합니다.",
    "시청해 주셔서 감사합니다",
    "구독과 좋아요 부탁드립니다!",
    "MBC 뉴스 김철수입니다.",
    "한글자막 by 아무개",
]


@pytest.mark.parametrize("text", PHANTOMS)
def test_phantom_phrases_are_dropped_where_there_is_reason_to_doubt(text):
    assert why_not_said(heard(text, logprob=-0.9), 3) == "phantom"
    assert why_not_said(heard(text, probability=0.3), 3) == "phantom"
    assert why_not_said(heard(text, no_speech=0.7), 3) == "phantom"
    assert why_not_said(heard(text), 3, speech_ratio=0.2) == "phantom"


@pytest.mark.parametrize("text", PHANTOMS)
def test_phantom_phrases_said_clearly_pass(text):
    assert why_not_said(heard(text), 3, speech_ratio=0.9) is None


def test_a_sentence_around_a_phantom_phrase_passes():
    text = "We end the video with thanks for watching and a link"
    assert why_not_said(heard(text, logprob=-0.9), 4) is None


def test_compression_tells_loops_from_prose_in_both_languages():
    english = "James will write the document tomorrow and Julia is designing the page right now"
    korean = "이번 주 금요일까지 민수 님이 배포 문서를 작성해 주시고 지영 님은 화면을 설계합니다"
    assert compression_ratio(english) < 1.6
    assert compression_ratio(korean) < 1.6
    assert compression_ratio(english * 6) > 2.4
