"""From what the recogniser says of growing sound to captions: what may change, what is settled.

While an utterance is open its sound is decoded again and again, longer each time. A word that two
decodings in a row have said, or that is likely and ends well before the newest sound, is settled
(`agreed_or_sure`): from then on it stays. The rest may still change. In long speech settled
sentences become captions of their own, so that their sound need not be decoded again; the end of
the utterance makes a caption of what is left. Finals never change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct, structs

from vori.transcribe.messages import Partial, Transcript, Word

UNSPACED_LANGUAGES = frozenset({"zh", "ja", "th", "lo", "my", "yue"})
SENTENCE_ENDS = (".", "?", "!", "…", "。", "？", "！")
KOREAN_ENDS = ("니다", "니까", "어요", "아요", "에요", "예요", "해요", "네요", "까요", "세요", "죠")
"""Verb endings that close a sentence: Korean transcripts often lack the full stop."""
HISTORY_CHARS = 400
UNTIMED_WORD_MS = 300
MIN_COMMIT_MS = 1_500
LIKELY = 0.7
UNLIKELY_TAIL_MS = 2_000
"""A word that is not likely settles when so much was heard after it, and it was said again."""
SURE = 0.9
SURE_TAIL_MS = 600
"""A word of this probability need not be said twice when so much was heard after it."""
NEVER_MS = 1_000_000
MS_LIKE_ONE_EDIT = 300
ECHO_MS = 300
"""What is left of a word behind the cut is shorter; a word of its own seldom is."""


class Piece(Struct, frozen=True, kw_only=True):
    """Final words, for one caption; times count from the recording's start."""

    text: str
    start_ms: int
    end_ms: int
    words: tuple[Word, ...]


class Committed(Struct, frozen=True, kw_only=True):
    """What became final while the utterance goes on."""

    pieces: list[Piece]
    trim_to_ms: int
    """Sound before this is done with: the next window starts here."""


class Heard(Struct, frozen=True, kw_only=True):
    """A new hypothesis, as a rule of settling sees it."""

    words: list[Word]
    """What follows the settled words; times count from the recording's start."""
    agreed: int
    """How many of them the hypothesis before had, too."""
    audio_end_ms: int


Rule = Callable[[Heard], int]
"""How many of the words, from the first on, will not change any more."""


def agreed_or_sure(heard: Heard) -> int:
    """Likely words that two hypotheses in a row say; others once more has been heard after them.

    Sources: LocalAgreement-2 (Liu et al. 2020) and, for words that are said once, the
    attention-guided policy of simultaneous translation (Papi et al. 2023), made after the
    decoding, by aligning, since the engine does not show its attention.
    `benchmarks/settling.py` compares the rules.
    """
    count = 0
    for word in heard.words:
        tail_ms = NEVER_MS
        if count < heard.agreed:
            tail_ms = 0 if word.probability >= LIKELY else UNLIKELY_TAIL_MS
        if word.probability >= SURE:
            tail_ms = min(tail_ms, SURE_TAIL_MS)
        if word.end_ms > heard.audio_end_ms - tail_ms:
            break
        count += 1
    return count


class Settler:
    """Settles one recording, utterance after utterance.

    `start_ms` of each call is the time in the recording at which the transcript's window starts,
    `audio_end_ms` the one at which it ends.
    """

    def __init__(
        self,
        previous_text: str = "",
        *,
        rule: Rule = agreed_or_sure,
        commit_after_ms: int = 8_000,
        max_piece_ms: int = 12_000,
    ) -> None:
        """commit_after_ms: windows longer than this make a caption of their settled beginning.

        max_piece_ms: longer finals are cut where a sentence or a pause is.
        """
        self.previous_text = previous_text
        """The end of what has become final: the recogniser's context."""
        self._rule = rule
        self._commit_after_ms = commit_after_ms
        self._max_piece_ms = max_piece_ms
        self._begin()

    def _begin(self) -> None:
        """An utterance begins."""
        self._settled: list[Word] = []
        self._open: list[Word] = []
        """What the last hypothesis said after the settled words."""
        self._shown: list[Word] = []
        self._shown_settled = 0
        self._language = ""
        self._echo = ""
        self._echo_end_ms = 0

    @property
    def settled_end_ms(self) -> int | None:
        """Where the open utterance's settled words end; None before there are any."""
        return self._settled[-1].end_ms if self._settled else None

    def partial(
        self, transcript: Transcript, *, start_ms: int, audio_end_ms: int
    ) -> Partial | None:
        """What to show of the open utterance; None when that would change nothing."""
        self._hear(transcript, start_ms, audio_end_ms)
        words = [*self._settled, *self._open]
        same = _common(self._shown, words)
        is_same = same == len(words) == len(self._shown)
        if not words or (is_same and self._shown_settled == len(self._settled)):
            return None
        # A comma that comes and goes is no news: the final has the right spelling.
        spelt = (
            structs.replace(word, text=shown.text)
            for shown, word in zip(self._shown[:same], words, strict=False)
        )
        self._shown = [*spelt, *words[same:]]
        self._shown_settled = len(self._settled)
        return Partial(
            text=join(self._shown, transcript.language),
            start_ms=self._shown[0].start_ms,
            end_ms=self._shown[-1].end_ms,
            words=tuple(self._shown),
            settled_words=self._shown_settled,
            language=transcript.language,
        )

    def commit(self, *, start_ms: int, audio_end_ms: int) -> Committed | None:
        """Make captions of the settled beginning of a long window; None when it is too early.

        Goes by what `partial` was told last. The words that stay behind are heard again in the
        next window.
        """
        window_ms = audio_end_ms - start_ms
        if window_ms < self._commit_after_ms:
            return None
        words = [*self._settled, *self._open]
        # Soon a good place to cut is worth waiting for; later any place does.
        any_place = window_ms >= 1.5 * self._commit_after_ms
        cut = _last_break(words, len(self._settled), any_place=any_place)
        if not cut:
            return None
        end_ms = words[cut - 1].end_ms
        trim_to_ms = (end_ms + max(end_ms, words[cut].start_ms)) // 2
        pieces = self._finals(words[:cut], self._language)
        said = _plain(words[cut - 1])
        self._echo = "" if said == _plain(words[cut]) else said
        self._echo_end_ms = trim_to_ms + ECHO_MS
        self._settled = self._settled[cut:]
        self._shown = []
        self._shown_settled = 0
        return Committed(pieces=pieces, trim_to_ms=trim_to_ms)

    def final(self, transcript: Transcript, *, start_ms: int) -> list[Piece]:
        """The utterance is over: what was not final yet is now. The next call begins another.

        Settled words stay, whatever this last hypothesis says in their place; capitals, marks
        and times are taken from it.
        """
        words = self._without_echo(_on_recording(transcript, start_ms))
        after = _matched(self._settled, words)
        if self._settled:
            words = _in_order([*_respelt(self._settled, words[:after]), *words[after:]])
        language = transcript.language or self._language
        self._begin()
        return self._finals(words, language)

    def _hear(self, transcript: Transcript, start_ms: int, audio_end_ms: int) -> None:
        """Compare with the hypothesis before, and settle what can be."""
        words = self._without_echo(_on_recording(transcript, start_ms))
        words = words[_matched(self._settled, words) :]
        if not words and self._open:
            return  # a slip of one decoding takes nothing off the screen
        heard = Heard(words=words, agreed=_common(self._open, words), audio_end_ms=audio_end_ms)
        count = self._rule(heard)
        self._settled += words[:count]
        self._open = words[count:]
        self._language = transcript.language or self._language

    def _without_echo(self, words: list[Word]) -> list[Word]:
        """Drop a first word that is the rest of the last committed one, heard again."""
        first = words[0] if words else None
        if first and _plain(first) == self._echo and first.end_ms <= self._echo_end_ms:
            return words[1:]
        return words

    def _finals(self, words: list[Word], language: str) -> list[Piece]:
        pieces = [
            Piece(
                text=join(part, language),
                start_ms=part[0].start_ms,
                end_ms=part[-1].end_ms,
                words=tuple(part),
            )
            for part in split(words, max_ms=self._max_piece_ms)
        ]
        said = " ".join([self.previous_text, *(piece.text for piece in pieces)])
        self.previous_text = said[-HISTORY_CHARS:].strip()
        return pieces


def join(words: Iterable[Word], language: str) -> str:
    return ("" if language in UNSPACED_LANGUAGES else " ").join(word.text for word in words)


def split(words: Sequence[Word], *, max_ms: int) -> list[list[Word]]:
    """Cut so that no part lasts longer than `max_ms`, unless it is one word.

    Cuts fall at ends of sentences and pauses, rather near the middle than near an end.
    """
    if not words:
        return []
    span_ms = words[-1].end_ms - words[0].start_ms
    if span_ms <= max_ms or len(words) == 1:
        return [list(words)]

    def worth(cut: int) -> float:
        middle_ms = (words[cut - 1].end_ms + words[cut].start_ms) / 2
        off_centre = abs((middle_ms - words[0].start_ms) / span_ms - 0.5)
        return _break_worth(words, cut) - 3 * off_centre

    cut = max(range(1, len(words)), key=worth)
    return [*split(words[:cut], max_ms=max_ms), *split(words[cut:], max_ms=max_ms)]


def _break_worth(words: Sequence[Word], cut: int) -> float:
    """How well a caption may end before `words[cut]`: 0 in the flow, 1 and more at a real break."""
    before = words[cut - 1].text
    pause_s = max(0, words[cut].start_ms - words[cut - 1].end_ms) / 1000
    worth = min(pause_s, 1.0)
    if before.endswith(SENTENCE_ENDS):
        worth += 1.5
    elif before.endswith(KOREAN_ENDS):
        worth += 1.0
    elif before.endswith((",", ";", ":", "、", "，")):
        worth += 0.4
    return worth


def _last_break(words: Sequence[Word], safe: int, *, any_place: bool) -> int:
    """Where to cut: after the last sentence or pause among the first `safe` words, else 0.

    With `any_place`, the best place in the second half of them.
    """
    longest = min(safe, len(words) - 1)
    places = [
        cut
        for cut in range(1, longest + 1)
        if words[cut - 1].end_ms - words[0].start_ms >= MIN_COMMIT_MS
    ]
    good = [cut for cut in places if _break_worth(words, cut) >= 0.4]
    if good:
        return good[-1]
    late = [cut for cut in places if 2 * cut >= longest]
    if any_place and late:
        return max(late, key=lambda cut: (_break_worth(words, cut), cut))
    return 0


def _on_recording(transcript: Transcript, start_ms: int) -> list[Word]:
    """The transcript's words with times of the recording."""
    words = transcript.words or tuple(
        Word(
            text=text,
            start_ms=i * UNTIMED_WORD_MS,
            end_ms=(i + 1) * UNTIMED_WORD_MS,
            probability=1.0,
        )
        for i, text in enumerate(transcript.text.split())
    )
    return [
        structs.replace(w, start_ms=start_ms + w.start_ms, end_ms=start_ms + w.end_ms)
        for w in words
    ]


def _plain(word: Word) -> str:
    """The word without case and punctuation, by which words are compared."""
    letters = "".join(c for c in word.text.casefold() if c.isalnum())
    return letters or word.text


def _common(one: Sequence[Word], other: Sequence[Word]) -> int:
    """How many words both begin with."""
    count = 0
    for a, b in zip(one, other, strict=False):
        if _plain(a) != _plain(b):
            break
        count += 1
    return count


def _matched(settled: Sequence[Word], words: Sequence[Word]) -> int:
    """How many of `words` say what `settled` says.

    The beginning of `words` that is nearest to it: by edit distance, and by where it ends, since
    a word that is heard otherwise now is still in its place.
    """
    if not settled or not words:
        return 0
    row = list(range(len(words) + 1))
    for i, mine in enumerate(settled, 1):
        diagonal, row[0] = row[0], i
        for j, theirs in enumerate(words, 1):
            same = diagonal if _plain(mine) == _plain(theirs) else diagonal + 1
            diagonal = row[j]
            row[j] = min(same, row[j] + 1, row[j - 1] + 1)

    def distance(count: int) -> float:
        end_ms = words[count - 1].end_ms if count else min(words[0].start_ms, settled[0].start_ms)
        return row[count] + abs(end_ms - settled[-1].end_ms) / MS_LIKE_ONE_EDIT

    return min(range(len(row)), key=distance)


def _respelt(settled: Sequence[Word], words: Sequence[Word]) -> list[Word]:
    """The settled words, as `words` writes and times those that are the same in both."""
    result: list[Word] = []
    start = 0
    for word in settled:
        plain = _plain(word)
        at = next((i for i in range(start, len(words)) if _plain(words[i]) == plain), None)
        if at is not None and words[at].start_ms < word.end_ms and word.start_ms < words[at].end_ms:
            result.append(words[at])
            start = at + 1
        else:
            result.append(word)
    return result


def _in_order(words: list[Word]) -> list[Word]:
    """Times from two decodings may overlap a little: each word begins where the last one ended."""
    result: list[Word] = []
    for word in words:
        start_ms = max(word.start_ms, result[-1].end_ms if result else 0)
        result.append(structs.replace(word, start_ms=start_ms, end_ms=max(start_ms, word.end_ms)))
    return result
