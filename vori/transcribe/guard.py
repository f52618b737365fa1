"""Text that nobody said.

Whisper was trained on subtitles, and fills what it does not understand with what subtitles often
say, or with one phrase again and again. Each rule here looks at what such text has in common.
"""

from __future__ import annotations

import re
import zlib

from vori.transcribe.messages import Transcript

NO_SPEECH = 0.6
POOR_LOGPROB = -1.0
MAX_COMPRESSION = 2.4
DOUBTFUL_LOGPROB = -0.7
DOUBTFUL_WORD = 0.5
DOUBTFUL_SPEECH_RATIO = 0.4
MAX_REPEATS = {1: 6, 2: 4, 3: 4}
"""How often a phrase of so many words may follow itself; longer ones 3 times."""
MAX_SYLLABLES_PER_S = 14
EDGE_MS = 60
MIN_EDGE_WORDS = 3

PHANTOMS = frozenset(
    re.sub(r"\W", "", phrase)
    for phrase in (
        "thanks for watching",
        "thank you for watching",
        "thank you so much for watching",
        "thanks for listening",
        "please subscribe",
        "please subscribe to my channel",
        "like and subscribe",
        "dont forget to like and subscribe",
        "see you in the next video",
        "ill see you in the next video",
        "subtitles by the amaraorg community",
        "시청해주셔서 감사합니다",
        "시청해 주셔서 고맙습니다",
        "끝까지 시청해주셔서 감사합니다",
        "구독과 좋아요",
        "구독과 좋아요 부탁드립니다",
        "구독 좋아요 알림설정",
        "좋아요와 구독 부탁드립니다",
        "다음 영상에서 만나요",
        "다음 영상에서 뵙겠습니다",
        "이 영상은 유료 광고를 포함하고 있습니다",
        "한글자막 제공",
    )
)
PHANTOM_SHAPES = re.compile(
    r"(subtitles|captions|transcription|translation)by\w+|(한글)?자막(by|제공)\w*|(mbc|kbs|sbs|ytn)뉴스\w{2,5}입니다"
)


def why_not_said(
    transcript: Transcript, speech_s: float, *, speech_ratio: float = 1.0
) -> str | None:
    """Why the transcript must not become a caption, as a stable word; None when it may.

    speech_s: length of the sound it was made from. speech_ratio: which part of it the voice
    gate took for speech.
    """
    text = transcript.text
    letters = re.sub(r"[\W_]", "", text.casefold())
    if not letters:
        return "empty"
    if transcript.no_speech_prob > NO_SPEECH and transcript.avg_logprob < POOR_LOGPROB:
        return "silence"
    if is_loop(text):
        return "loop"
    if _syllables(letters) > 6 + MAX_SYLLABLES_PER_S * speech_s:
        return "too_fast"
    if _is_past_the_sound(transcript, speech_s):
        return "past_the_sound"
    is_phantom = letters in PHANTOMS or PHANTOM_SHAPES.fullmatch(letters)
    if is_phantom and _is_doubtful(transcript, speech_ratio):
        return "phantom"
    return None


def compression_ratio(text: str) -> float:
    """Bytes of UTF-8 per byte of their zlib form; prose has 1 to 2, loops more."""
    raw = text.encode()
    return len(raw) / len(zlib.compress(raw))


def is_loop(text: str) -> bool:
    """A phrase follows itself more often than anybody would say it, or the text is as repetitive."""
    if compression_ratio(text) > MAX_COMPRESSION:
        return True
    words = [re.sub(r"[\W_]", "", word) or word for word in text.casefold().split()]
    for size in range(1, len(words) // 3 + 1):
        allowed = MAX_REPEATS.get(size, 3)
        run = 0  # how many words in a row equal the one `size` before
        for i in range(size, len(words)):
            run = run + 1 if words[i] == words[i - size] else 0
            if run >= size * allowed:
                return True
    # The same within a word, as in scripts without spaces.
    return re.search(r"(\D{1,12}?)\1{9,}", text.casefold()) is not None


def _is_past_the_sound(transcript: Transcript, speech_s: float) -> bool:
    """Most words lie in the window's last moment, where alignment puts what it finds nowhere."""
    words = transcript.words
    edge_ms = 1000 * speech_s - EDGE_MS
    past = sum(1 for word in words if word.start_ms >= edge_ms)
    return len(words) >= MIN_EDGE_WORDS and 2 * past > len(words)


def _syllables(letters: str) -> float:
    """About how many syllables: a Hangul, kana or Han sign is one, other letters 0.4."""
    return sum(1.0 if c >= "\u1100" else 0.4 for c in letters)


def _is_doubtful(transcript: Transcript, speech_ratio: float) -> bool:
    words = transcript.words
    probability = sum(w.probability for w in words) / len(words) if words else 1.0
    return (
        speech_ratio < DOUBTFUL_SPEECH_RATIO
        or transcript.avg_logprob < DOUBTFUL_LOGPROB
        or transcript.no_speech_prob > NO_SPEECH
        or probability < DOUBTFUL_WORD
    )
