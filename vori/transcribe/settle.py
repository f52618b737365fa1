"""From what the recogniser says of growing sound to captions: what may change, what is final.

While an utterance is open its sound is decoded again and again, longer each time. Words on which
two decodings in a row agree count as stable (LocalAgreement-2, Liu et al. 2020). In long speech
stable words that end safely before the newest sound become final early, so that their sound need
not be decoded again; the end of the utterance makes the rest final. Finals never change.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct, structs

from vori.transcribe.messages import Partial, Transcript, Word

UNSPACED_LANGUAGES = frozenset({"zh", "ja", "th", "lo", "my", "yue"})
SENTENCE_ENDS = (".", "?", "!", "…", "。", "？", "！")
KOREAN_ENDS = ("니다", "니까", "어요", "아요", "에요", "예요", "해요", "네요", "까요", "세요", "죠")
"""Verb endings that close a sentence: Korean transcripts often lack the full stop."""
HISTORY_CHARS = 400
UNTIMED_WORD_MS = 300
MIN_COMMIT_MS = 1_500
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


class Settler:
    """Settles one recording, utterance after utterance.

    `start_ms` of each call is the time in the recording at which the transcript's window starts.
    """

    def __init__(
        self,
        previous_text: str = "",
        *,
        commit_after_ms: int = 8_000,
        safe_tail_ms: int = 400,
        max_piece_ms: int = 12_000,
    ) -> None:
        """commit_after_ms: windows longer than this give up their stable beginning.

        safe_tail_ms: words that end later than this before the newest sound may yet change.
        max_piece_ms: longer finals are cut where a sentence or a pause is.
        """
        self.previous_text = previous_text
        """The end of what has become final: the recogniser's context."""
        self._commit_after_ms = commit_after_ms
        self._safe_tail_ms = safe_tail_ms
        self._max_piece_ms = max_piece_ms
        self._begin()

    def _begin(self) -> None:
        """An utterance begins."""
        self._heard: Transcript | None = None
        self._words: list[Word] = []
        self._agreed = 0
        self._stable: list[Word] = []
        self._shown: list[Word] = []
        self._echo = ""
        self._echo_end_ms = 0

    def partial(self, transcript: Transcript, *, start_ms: int) -> Partial | None:
        """What to show of the open utterance; None when that would change nothing."""
        self._hear(transcript, start_ms)
        words = [*self._stable, *self._words[_matched(self._stable, self._words) :]]
        same = _common(self._shown, words)
        if same == len(words) == len(self._shown):
            return None
        # A comma that comes and goes is no news: the final has the right spelling.
        spelt = (
            structs.replace(word, text=shown.text)
            for shown, word in zip(self._shown[:same], words, strict=False)
        )
        self._shown = [*spelt, *words[same:]]
        return Partial(
            text=join(self._shown, transcript.language),
            start_ms=self._shown[0].start_ms,
            end_ms=self._shown[-1].end_ms,
            words=tuple(self._shown),
        )

    def commit(
        self, transcript: Transcript, *, start_ms: int, audio_end_ms: int
    ) -> Committed | None:
        """Make the stable beginning of a long window final; None when it is too early.

        The words that stay behind are heard again in the next window.
        """
        self._hear(transcript, start_ms)
        window_ms = audio_end_ms - start_ms
        if window_ms < self._commit_after_ms:
            return None
        safe_ms = audio_end_ms - self._safe_tail_ms
        words = self._words
        safe = sum(1 for word in words[: self._agreed] if word.end_ms <= safe_ms)
        # Soon a good place to cut is worth waiting for; later any place does.
        cut = _last_break(words, safe, any_place=window_ms >= 1.5 * self._commit_after_ms)
        if not cut:
            return None
        end_ms = words[cut - 1].end_ms
        trim_to_ms = (end_ms + max(end_ms, words[cut].start_ms)) // 2
        pieces = self._finals(words[:cut], transcript.language)
        said = _plain(words[cut - 1])
        self._echo = "" if said == _plain(words[cut]) else said
        self._echo_end_ms = trim_to_ms + ECHO_MS
        self._words = words[cut:]
        self._agreed -= cut
        self._stable = self._stable[cut:]
        self._shown = []
        return Committed(pieces=pieces, trim_to_ms=trim_to_ms)

    def final(self, transcript: Transcript, *, start_ms: int) -> list[Piece]:
        """The utterance is over: what was not final yet is now. The next call begins another."""
        words = self._without_echo(_on_recording(transcript, start_ms))
        self._begin()
        return self._finals(words, transcript.language)

    def _hear(self, transcript: Transcript, start_ms: int) -> None:
        """Compare with the transcript before; the same one twice counts once."""
        if transcript is self._heard:
            return
        words = self._without_echo(_on_recording(transcript, start_ms))
        if not words:
            return  # a slip of one decoding takes nothing off the screen
        self._heard = transcript
        self._agreed = _common(self._words, words)
        self._words = words
        if self._agreed >= _matched(self._stable, words):
            same = _common(self._stable, words)
            # What has been shown keeps its spelling; only words that changed twice are replaced.
            self._stable = [*self._stable[:same], *words[same : self._agreed]]

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


def _matched(stable: Sequence[Word], words: Sequence[Word]) -> int:
    """How many of `words` say what `stable` says: the prefix nearest to it by edit distance.

    Of equally near prefixes the one whose length is nearest to that of `stable`.
    """
    row = list(range(len(words) + 1))
    for i, mine in enumerate(stable, 1):
        diagonal, row[0] = row[0], i
        for j, theirs in enumerate(words, 1):
            same = diagonal if _plain(mine) == _plain(theirs) else diagonal + 1
            diagonal = row[j]
            row[j] = min(same, row[j] + 1, row[j - 1] + 1)
    return min(range(len(row)), key=lambda j: (row[j], abs(j - len(stable)), -j))
