"""Windows of sound with their tokens, made from the corpus while training runs.

A window is one or several sentences with pauses, through a room and a microphone, perhaps cut at
either end, perhaps silent, as log-mel exactly as faster-whisper computes it.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path

import bpe
import numpy as np
from corpus import FIRST_TALK_SHARD
from numpy.typing import NDArray
from scipy.signal import oaconvolve
from synthesise import RATE_HZ, WORD
from tokenizers import Tokenizer

HOP = 160
TALK_SHARE = 0.45
Sound = NDArray[np.float32]


class Mel:
    """Log-mel of Whisper: 25 ms Hann window, 10 ms hop, 80 Slaney mel bands up to 8 kHz."""

    def __init__(self) -> None:
        from faster_whisper.feature_extractor import FeatureExtractor

        extractor = FeatureExtractor()
        self.filters = extractor.mel_filters.astype(np.float32)  # (80, 201)
        self.window = np.hanning(401)[:-1].astype(np.float32)

    def __call__(self, sound: Sound) -> Sound:
        """(n,) in -1..1 to (80, n // 160)."""
        import torch

        x = torch.from_numpy(sound)
        stft = torch.stft(x, 400, HOP, window=torch.from_numpy(self.window), return_complex=True)
        power = stft[:, :-1].abs() ** 2
        log = torch.clamp(torch.from_numpy(self.filters) @ power, min=1e-10).log10()
        log = torch.maximum(log, log.max() - 8.0)
        return ((log + 4.0) / 4.0).numpy()


@dataclass(frozen=True, slots=True)
class Sentence:
    """A corpus row. words: (n, 2) seconds; text tokens with the word each belongs to, else -1."""

    shard: int
    at: int
    n: int
    voice: str
    text: str
    words: NDArray[np.float32]
    ends: list[int]  # where each word ends in `text`
    phones: NDArray[np.int16]  # 50 Hz


class Corpus:
    """Shards read from disk as they appear."""

    def __init__(
        self, folder: Path, phones: dict[str, int], *, only: list[int] | None = None
    ) -> None:
        self.folder, self.phones, self.only = folder, phones, only
        self.sentences: list[Sentence] = []
        self.by_voice: dict[str, list[int]] = {}
        self.talk: list[int] = []
        self.talk_by_voice: dict[str, list[int]] = {}
        self.sound: dict[int, NDArray[np.int16]] = {}

    def refresh(self) -> int:
        """Read shards that are new; answers how many sentences there are."""
        for path in sorted(self.folder.glob("*.json")):
            shard = int(path.stem)
            if shard in self.sound or (self.only is not None and shard not in self.only):
                continue
            self.sound[shard] = np.load(path.with_suffix(".npy"), mmap_mode="r")
            for row in json.loads(path.read_text()):
                matches = list(WORD.finditer(row["text"]))
                if len(matches) != len(row["words"]) or any(b < a for a, b in row["words"]):
                    continue
                family = "e" if row["voice"].startswith("espeak") else "c"
                starts = np.array([s for s, _ in row["phones"]] or [0.0])
                names = [self.phones.get(f"{family}:{p}", -100) for _, p in row["phones"]] or [-100]
                frames = (np.arange(-(-row["n"] // 320)) + 0.5) * 0.02
                at = np.clip(np.searchsorted(starts, frames, "right") - 1, 0, None)
                self.by_voice.setdefault(row["voice"], []).append(len(self.sentences))
                if shard >= FIRST_TALK_SHARD:
                    self.talk.append(len(self.sentences))
                    self.talk_by_voice.setdefault(row["voice"], []).append(len(self.sentences))
                self.sentences.append(
                    Sentence(
                        shard, row["at"], row["n"], row["voice"], row["text"],
                        np.array(row["words"], np.float32), [m.end() for m in matches],
                        np.array(names, np.int16)[at],
                    )
                )  # fmt: skip
        return len(self.sentences)

    def draw(self, rng: random.Random, voice: str | None = None) -> Sentence:
        """Any sentence, or one by `voice`; meeting talk that makes sense oftener than its share."""
        talk = self.talk if voice is None else self.talk_by_voice.get(voice, [])
        if talk and rng.random() < TALK_SHARE:
            return self.sentences[rng.choice(talk)]
        if voice is None:
            return rng.choice(self.sentences)
        return self.sentences[rng.choice(self.by_voice[voice])]

    def pcm(self, s: Sentence) -> Sound:
        return self.sound[s.shard][s.at : s.at + s.n].astype(np.float32) / 32768


@dataclass(slots=True)
class Piece:
    """A sentence, or what a cut left of it, inside a window. words: spans in window seconds."""

    start_s: float
    end_s: float
    text: str
    words: list[tuple[float, float]]
    whole: bool  # False: the window ends inside it


@dataclass(slots=True)
class Window:
    sound: Sound
    pieces: list[Piece]
    phones: NDArray[np.int16]


def compose(corpus: Corpus, rng: random.Random, length_s: float, *, many: bool) -> Window:
    """A window of `length_s` filled from the left; `many` goes on until it is full."""
    n = int(length_s * RATE_HZ)
    sound = np.zeros(n, np.float32)
    phones = np.full(n // 320, -100, np.int16)
    pieces: list[Piece] = []
    at_s = rng.choice((0.0, rng.uniform(0, 0.2), rng.uniform(0, 0.6)))
    if length_s > 4 and rng.random() < 0.05:
        at_s = rng.uniform(0, 3)
    one_voice = rng.random() < 0.6
    first = corpus.draw(rng)
    loud = 1.0
    while True:
        for _ in range(6):
            s = first
            if pieces or s is None:
                s = corpus.draw(rng, first.voice if one_voice else None)
            if at_s + s.n / RATE_HZ <= length_s:
                break
            if not pieces:
                first = corpus.draw(rng)
        fits = at_s + s.n / RATE_HZ <= length_s
        if not fits and not (rng.random() < 0.25 or not pieces):
            break
        pcm = corpus.pcm(s)
        peak = float(np.abs(pcm).max()) or 1.0
        if not pieces or not one_voice:
            loud = 10 ** (rng.uniform(-9, 0) / 20)
        pcm = pcm * (0.9 / peak * loud)
        skip_s, word0 = 0.0, 0
        if not pieces and rng.random() < 0.08 and len(s.words) > 3:  # begin inside the sentence
            word0 = rng.randrange(1, len(s.words) - 1)
            inside = rng.random() < 0.5
            skip_s = float(s.words[word0][0])
            if inside:  # the tail of a word stays, and is no word
                skip_s = max(0.0, skip_s - rng.uniform(0.03, 0.25))
            at_s = 0.0
        a = int(skip_s * RATE_HZ)
        i = int(at_s * RATE_HZ)
        m = min(len(pcm) - a, n - i)
        if m <= 0:
            break
        sound[i : i + m] += pcm[a : a + m]
        frame, f0 = i // 320, a // 320
        k = min(len(phones) - frame, len(s.phones) - f0, -(-m // 320))
        phones[frame : frame + k] = s.phones[f0 : f0 + k]
        kept = [j for j in range(word0, len(s.words)) if at_s - skip_s + s.words[j][1] <= length_s]
        whole = (
            len(kept) == len(s.words) - word0 and at_s - skip_s + s.n / RATE_HZ <= length_s + 0.04
        )
        if kept:
            begin = 0 if word0 == 0 else _word_start(s, word0)
            text = s.text[begin:] if whole else s.text[begin : s.ends[kept[-1]]]
            spans = [
                (at_s - skip_s + float(s.words[j][0]), at_s - skip_s + float(s.words[j][1]))
                for j in kept
            ]
            end_s = min(length_s, at_s - skip_s + s.n / RATE_HZ)
            pieces.append(Piece(at_s, end_s, text, spans, whole))
        at_s += m / RATE_HZ + rng.choice((0.05, rng.uniform(0.05, 0.4), rng.uniform(0.1, 1.2)))
        if rng.random() < 0.015:
            at_s += rng.uniform(1, 5)
        if not whole or at_s > length_s - 0.5 or (not many and rng.random() < 0.3):
            break
    return Window(sound, pieces, phones)


def _word_start(s: Sentence, word: int) -> int:
    """Where word `word` begins in the text."""
    match = WORD.search(s.text, s.ends[word - 1])
    return match.start() if match else s.ends[word - 1]


def noise(rng: np.random.Generator, n: int) -> Sound:
    """Coloured noise, white to brown, sometimes with mains hum; RMS 1."""
    if rng.random() < 0.4:
        x = rng.standard_normal(n).astype(np.float32)
    else:
        spectrum = np.fft.rfft(rng.standard_normal(n).astype(np.float32))
        f = np.arange(len(spectrum)) + n / RATE_HZ * 40
        x = np.fft.irfft(spectrum / f ** rng.uniform(0.2, 1.0), n).astype(np.float32)
    if rng.random() < 0.2:
        t = np.arange(n, dtype=np.float32) / RATE_HZ
        x = x / x.std() + np.sin(2 * np.pi * rng.choice((50.0, 60.0, 100.0, 120.0)) * t) * 2
    return (x / (x.std() + 1e-9)).astype(np.float32)


def degrade(sound: Sound, rng: random.Random, nprng: np.random.Generator) -> Sound:
    """Room, microphone, noise and gain, each some of the time."""
    n = len(sound)
    if rng.random() < 0.1:  # a room: decaying noise after the direct sound
        rt60_s = rng.uniform(0.1, 0.6)
        m = int(rt60_s * RATE_HZ)
        tail = nprng.standard_normal(m).astype(np.float32) * np.exp(-6.9 * np.arange(m) / m)
        tail *= rng.uniform(0.1, 0.6) / np.sqrt((tail**2).sum())
        tail[0] = 1.0
        sound = oaconvolve(sound, tail.astype(np.float32))[:n].astype(np.float32)
    if rng.random() < 0.1:  # a microphone: tilt and a low-pass
        f = np.fft.rfftfreq(n, 1 / RATE_HZ)
        tilt = 10 ** (rng.uniform(-6, 6) * np.log2(np.maximum(f, 100) / 1000) / 20 / 2)
        low = rng.choice((3400.0, 5000.0, 7000.0, 8000.0))
        gain = tilt / np.sqrt(1 + (f / low) ** 12) if low < 8000 else tilt
        sound = np.fft.irfft(np.fft.rfft(sound) * gain, n).astype(np.float32)
    level = float(np.abs(sound).max()) or 1.0
    sound = sound / level * 10 ** (rng.choice((rng.uniform(-3, 0), rng.uniform(-25, 0))) / 20)
    r = rng.random()
    if r < 0.18:
        rms = float(np.sqrt((sound**2).mean())) or 1e-4
        snr_db = rng.choice((rng.uniform(10, 20), rng.uniform(20, 50)))
        sound = sound + noise(nprng, n) * (rms * 10 ** (-snr_db / 20))
    elif r < 0.6:  # the floor of a sound card
        sound = sound + nprng.standard_normal(n).astype(np.float32) * 10 ** rng.uniform(-5, -3.3)
    return np.clip(sound, -1, 1).astype(np.float32)


def stamp(seconds: float) -> int:
    return bpe.TIME0 + min(1500, max(0, round(seconds / 0.02)))


@dataclass(slots=True)
class Labels:
    """tokens: the decoder's input and then one more; first: index of the first token with loss.

    spans[i]: the time of the word that tokens[i] is part of, else None.
    """

    tokens: list[int]
    first: int
    spans: list[tuple[float, float] | None]


class Labeller:
    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer

    def piece(self, piece: Piece) -> tuple[list[int], list[tuple[float, float] | None]]:
        encoding = self.tokenizer.encode(" " + piece.text, add_special_tokens=False)
        spans: list[tuple[float, float] | None] = []
        ends = [m.end() + 1 for m in WORD.finditer(piece.text)]
        starts = [m.start() for m in WORD.finditer(piece.text)]
        for a, b in encoding.offsets:
            word = next((i for i, e in enumerate(ends) if b <= e and a >= starts[i]), None)
            spans.append(piece.words[word] if word is not None else None)
        return encoding.ids, spans

    def labels(
        self, window: Window, context: list[int], *, times: bool, first_s: float, rest_s: float
    ) -> Labels:
        """`first_s`: time of the window's first frame; `rest_s`: padding after its end."""
        tokens: list[int] = []
        spans: list[tuple[float, float] | None] = []
        if context:
            tokens += [bpe.PREV, *context]
        tokens.append(bpe.SOT)
        first = len(tokens)
        if not window.pieces:
            # loss on <|nospeech|> right after the start, then the end after either prompt
            tokens += [stamp(0.0) if times else bpe.NOTIMESTAMPS, bpe.EOT]
            return Labels(tokens, first, [None] * len(tokens))
        if not times:
            tokens.append(bpe.NOTIMESTAMPS)
            first = len(tokens)
        spans = [None] * len(tokens)
        for i, piece in enumerate(window.pieces):
            ids, its = self.piece(piece)
            start_s = piece.start_s + first_s
            if times and i == 0 and first_s == 0:
                start_s = min(start_s, 1.0)
            cut = not piece.whole and rest_s < 0.1
            if times:
                tokens.append(stamp(start_s))
                spans.append(None)
                if cut and i > 0:
                    break
            tokens += ids
            spans += its
            if times and not cut:
                tokens.append(stamp(piece.end_s + first_s))
                spans.append(None)
        tokens.append(bpe.EOT)
        spans.append(None)
        return Labels(tokens, first, spans)


@dataclass(slots=True)
class Batch:
    """mel (b, 80, t) float32; tokens (b, s + 1); targets (b, s), -100 where there is no loss;

    phones (b, t/2); spans (b, s, 2) in encoder frames, -1 where none; first: position of frame 0.
    """

    mel: Sound
    tokens: NDArray[np.int64]
    targets: NDArray[np.int64]
    phones: NDArray[np.int64]
    spans: NDArray[np.float32]
    first: int


class Batches:
    """Endless batches of about `seconds` of sound; batch i depends on (seed, i) and the corpus."""

    def __init__(self, corpus: Corpus, tokenizer: Tokenizer, *, seed: int, seconds: float) -> None:
        self.corpus, self.seed, self.seconds = corpus, seed, seconds
        self.labeller, self.mel = Labeller(tokenizer), Mel()

    def make(self, index: int, progress: float) -> Batch:
        """`progress` 0..1 of the training: later batches have longer windows."""
        rng = random.Random(self.seed * 1_000_003 + index)
        nprng = np.random.default_rng(rng.randrange(2**31))
        r = rng.random()
        late = min(1.0, max(0.0, (progress - 0.65) / 0.15))  # long windows cost more for each word
        long = 0.02 + 0.08 * late
        first = 0
        if progress > 0.03 and r < long:  # full windows, sometimes mostly padding
            length_s = 30.0
            count = max(2, round(self.seconds * 0.9 / length_s))
        elif progress > 0.03 and r < long + 0.08:
            length_s = rng.choice((10.0, 12.0, 15.0, 20.0))
            count = round(self.seconds / length_s)
        else:
            length_s = rng.choice((2.0, 3.0, 4.0, 4.0, 5.0, 5.0, 6.0, 8.0))
            count = round(self.seconds / length_s)
            if rng.random() < 0.15:
                first = rng.randrange(0, int((29.9 - length_s) * 50))
        longest = rng.choice((0, 0, 0, 0, 16, 32, 64, 64, 200))  # tokens of previous text
        if longest == 200 and count > 12:
            longest = 64
        frames = int(length_s * 50) * 2
        length_s = frames / 100
        windows: list[Window] = []
        mels: list[Sound] = []
        labels: list[Labels] = []
        for _ in range(count):
            rest_s = 0.0
            if rng.random() < (0.4 if length_s == 30.0 else 0.07 + 0.13 * late):
                rest_s = rng.uniform(0, length_s - 1.5)
            sounding_s = round((length_s - rest_s) * 50) / 50
            rest_s = length_s - sounding_s
            if progress > 0.02 and rng.random() < 0.02 + 0.02 * late:
                n = int(sounding_s * RATE_HZ)
                level = 0.0 if rng.random() < 0.3 else 10 ** rng.uniform(-4, -0.7)
                sound = (noise(nprng, n) * level).clip(-1, 1).astype(np.float32)
                window = Window(sound, [], np.full(n // 320, -100, np.int16))
            else:
                window = compose(
                    self.corpus,
                    rng,
                    sounding_s,
                    many=rng.random() < 0.95 - 0.1 * late or length_s < 7,
                )
                window.sound = degrade(window.sound, rng, nprng)
            mel = self.mel(window.sound)
            if rng.random() < 0.1:
                mel = mel.copy()
                width, low = rng.randrange(1, 11), rng.randrange(0, 70)
                mel[low : low + width] = mel.mean()
            windows.append(window)
            mels.append(np.pad(mel, ((0, 0), (0, frames - mel.shape[1]))))
            times = rng.random() < 0.35
            context = self._context(rng, times, longest) if longest and rng.random() < 0.6 else []
            labels.append(
                self.labeller.labels(
                    window, context, times=times, first_s=first / 50, rest_s=rest_s
                )
            )
        return self._batch(windows, mels, labels, first, rng)

    def _context(self, rng: random.Random, times: bool, longest: int) -> list[int]:
        ids: list[int] = []
        at_s = 0.0
        for _ in range(rng.choice((1, 2, 3, 6, 12))):
            s = self.corpus.draw(rng)
            part = self.labeller.tokenizer.encode(" " + s.text, add_special_tokens=False).ids
            if times:
                part = [stamp(at_s), *part, stamp(at_s + s.n / RATE_HZ)]
                at_s += s.n / RATE_HZ + 0.2
            ids += part
        return ids[-rng.choice((longest, rng.randrange(2, longest + 24))) :]

    def _batch(
        self, windows: list[Window], mels: list[Sound], labels: list[Labels], first: int,
        rng: random.Random,
    ) -> Batch:  # fmt: skip
        longest = max(len(label.tokens) for label in labels) - 1
        longest = min(448, -(-longest // 16) * 16)
        b, frames = len(labels), mels[0].shape[1] // 2
        tokens = np.full((b, longest), bpe.EOT, np.int64)
        targets = np.full((b, longest), -100, np.int64)
        spans = np.full((b, longest, 2), -1, np.float32)
        phones = np.full((b, frames), -100, np.int64)
        for i, label in enumerate(labels):
            ids = label.tokens[: longest + 1]
            tokens[i, : len(ids) - 1] = ids[:-1]
            targets[i, label.first - 1 : len(ids) - 1] = ids[label.first :]
            if not windows[i].pieces:
                targets[i, label.first - 1] = bpe.NOSPEECH
            for j, span in enumerate(label.spans[1 : longest + 1]):
                if span is not None:  # position j predicts token j + 1
                    spans[i, j] = span[0] * 50 - 3, span[1] * 50 + 3
            m = min(frames, len(windows[i].phones))
            phones[i, :m] = windows[i].phones[:m]
            for j in range(label.first, len(ids) - 1):  # a wrong word now and then: trust the sound
                if ids[j] < bpe.TEXT_PIECES and rng.random() < 0.08:
                    tokens[i, j] = rng.randrange(256, bpe.TEXT_PIECES)
        return Batch(np.stack(mels), tokens, targets, phones, spans, first)
