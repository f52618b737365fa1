"""Text to sound, with the times of every word and phone.

The synthesisers run inside this process (espeak-ng and flite as libraries through ctypes, festival
as one child that reads a script), since starting a program per sentence costs more than speaking it.
"""

from __future__ import annotations

import ctypes
import re
import subprocess
import tempfile
from ctypes import POINTER, c_char, c_char_p, c_float, c_int, c_short, c_uint, c_void_p
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000
WORD = re.compile(r"[A-Za-z']+")


@dataclass(frozen=True, slots=True)
class Spoken:
    """One sentence as sound.

    pcm: int16, shape (n,), 16 kHz mono, silence trimmed at both ends.
    words: (start_s, end_s) for each word of the text, in its order.
    phones: (start_s, name), in order; each lasts until the next one starts.
    """

    pcm: NDArray[np.int16]
    words: list[tuple[float, float]]
    phones: list[tuple[float, str]]


class NotSpoken(Exception):
    """The synthesiser's word times don't fit the text: skip this sentence."""


# --- espeak-ng ---------------------------------------------------------------------------------


class _EventId(ctypes.Union):
    _fields_ = [("number", c_int), ("name", c_char_p), ("string", c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", c_int),
        ("unique_identifier", c_uint),
        ("text_position", c_int),
        ("length", c_int),
        ("audio_position", c_int),
        ("sample", c_int),
        ("user_data", c_void_p),
        ("id", _EventId),
    ]


_CALLBACK = ctypes.CFUNCTYPE(c_int, POINTER(c_short), c_int, POINTER(_Event))
_EVENT_WORD, _EVENT_PHONEME = 1, 7
_RATE, _PITCH, _RANGE = 1, 3, 4


class Espeak:
    """espeak-ng's library, synchronous, with word and phoneme events (`speak_lib.h`)."""

    def __init__(self) -> None:
        self._lib = ctypes.CDLL("libespeak-ng.so.1")
        self._rate_hz = self._lib.espeak_Initialize(2, 0, None, 1)
        if self._rate_hz <= 0:
            raise OSError("espeak-ng did not start")
        self._sound: list[NDArray[np.int16]] = []
        self._events: list[tuple[int, int, int, str]] = []
        self._callback = _CALLBACK(self._take)  # kept: the library holds only its address
        self._lib.espeak_SetSynthCallback(self._callback)

    def _take(self, wav: object, n: int, events: object) -> int:
        if n > 0 and wav:
            self._sound.append(np.ctypeslib.as_array(wav, shape=(n,)).copy())  # type: ignore[call-overload]
        i = 0
        while events[i].type != 0:  # type: ignore[index]
            event = events[i]  # type: ignore[index]
            if event.type in (_EVENT_WORD, _EVENT_PHONEME):
                name = event.id.string.decode("utf-8", "replace") if event.type == 7 else ""
                self._events.append((event.type, event.audio_position, event.text_position, name))
            i += 1
        return 0

    def phonemes(self, text: str, voice: str = "en-us") -> str:
        """espeak-ng's phoneme mnemonics for `text`; equal for words that sound alike."""
        translate = self._lib.espeak_TextToPhonemes
        translate.restype = c_char_p
        self._lib.espeak_SetVoiceByName(voice.encode())
        pointer = c_char_p(text.encode())
        return (translate(ctypes.byref(pointer), 1, 0) or b"").decode("utf-8", "replace")

    def speak(self, text: str, voice: str, *, rate: int, pitch: int, range_: int) -> Spoken:
        """`rate` in words per minute; `pitch` and `range_` 0 to 100, 50 is the voice's own."""
        if self._lib.espeak_SetVoiceByName(voice.encode()) != 0:
            raise OSError(f"no espeak-ng voice {voice}")
        for parameter, value in ((_RATE, rate), (_PITCH, pitch), (_RANGE, range_)):
            self._lib.espeak_SetParameter(parameter, value, 0)
        self._sound, self._events = [], []
        data = text.encode()
        # flags: UTF-8 (1); position counted in characters (1)
        self._lib.espeak_Synth(data, len(data) + 1, 0, 1, 0, 1, None, None)
        self._lib.espeak_Synchronize()
        if not self._sound:
            raise NotSpoken(text)
        pcm = np.concatenate(self._sound)
        starts: list[tuple[int, float]] = []
        for kind, ms, position, _ in self._events:
            if kind == _EVENT_WORD and (not starts or position - 1 > starts[-1][0]):
                starts.append((position - 1, ms / 1000))
        phones = [(ms / 1000, name) for kind, ms, _, name in self._events if kind == _EVENT_PHONEME]
        # espeak-ng joins some pairs ("of the"): both words then share its time, by letters
        groups: list[list[re.Match[str]]] = [[] for _ in starts]
        for match in WORD.finditer(text):
            at = max((i for i, (p, _) in enumerate(starts) if p <= match.start()), default=None)
            if at is None:
                raise NotSpoken(text)
            groups[at].append(match)
        end_s = len(pcm) / self._rate_hz
        words: list[tuple[float, float]] = []
        pauses = [s for s, name in phones if name.startswith("_") or name == ""]
        for i, (group, (_, start_s)) in enumerate(zip(groups, starts, strict=True)):
            if not group:
                continue
            stop_s = starts[i + 1][1] if i + 1 < len(starts) else end_s
            stop_s = min([s for s in pauses if start_s < s < stop_s], default=stop_s)
            letters = sum(len(m.group()) for m in group)
            done = 0
            for match in group:
                a = start_s + (stop_s - start_s) * done / letters
                done += len(match.group())
                words.append((a, start_s + (stop_s - start_s) * done / letters))
        return _trim(_to_16k(pcm, self._rate_hz), words, phones)


# --- flite -------------------------------------------------------------------------------------


class _Wave(ctypes.Structure):
    _fields_ = [
        ("type", c_char_p),
        ("sample_rate", c_int),
        ("num_samples", c_int),
        ("num_channels", c_int),
        ("samples", POINTER(c_short)),
    ]


class _Voice(ctypes.Structure):
    _fields_ = [("name", c_char_p), ("features", c_void_p)]


class Flite:
    """flite's library (`flite.h`, `cst_item.h`); voices slt, rms, awb, kal16."""

    def __init__(self) -> None:
        mode = ctypes.RTLD_GLOBAL
        self._lib = lib = ctypes.CDLL("libflite.so.1", mode=mode)
        ctypes.CDLL("libflite_cmulex.so.1", mode=mode)
        ctypes.CDLL("libflite_usenglish.so.1", mode=mode)
        lib.flite_init()
        lib.flite_synth_text.restype = c_void_p
        lib.flite_synth_text.argtypes = [c_char_p, c_void_p]
        lib.utt_wave.restype = POINTER(_Wave)
        lib.utt_wave.argtypes = [c_void_p]
        for name in ("utt_relation", "relation_head", "item_next", "item_parent", "item_as"):
            getattr(lib, name).restype = c_void_p
        lib.utt_relation.argtypes = [c_void_p, c_char_p]
        lib.relation_head.argtypes = [c_void_p]
        lib.item_next.argtypes = [c_void_p]
        lib.item_parent.argtypes = [c_void_p]
        lib.item_as.argtypes = [c_void_p, c_char_p]
        lib.item_feat_float.restype = c_float
        lib.item_feat_float.argtypes = [c_void_p, c_char_p]
        lib.item_feat_string.restype = c_char_p
        lib.item_feat_string.argtypes = [c_void_p, c_char_p]
        lib.delete_utterance.argtypes = [c_void_p]
        lib.feat_set_float.argtypes = [c_void_p, c_char_p, c_float]
        self._voices: dict[str, tuple[int, float]] = {}
        for name, f0_hz in (("slt", 167.0), ("rms", 95.0), ("awb", 120.0), ("kal16", 95.0)):
            part = ctypes.CDLL(f"libflite_cmu_us_{name}.so.1", mode=mode)
            register = getattr(part, f"register_cmu_us_{name}")
            register.restype = c_void_p
            register.argtypes = [c_char_p]
            self._voices[name] = (register(None), f0_hz)

    def speak(self, text: str, voice: str, *, stretch: float, f0: float) -> Spoken:
        """`stretch` lengthens every phone (1 is the voice's own); `f0` scales the pitch."""
        lib = self._lib
        pointer, f0_hz = self._voices[voice]
        features = ctypes.cast(pointer, POINTER(_Voice)).contents.features
        lib.feat_set_float(features, b"duration_stretch", stretch)
        lib.feat_set_float(features, b"int_f0_target_mean", f0_hz * f0)
        utterance = lib.flite_synth_text(text.encode(), pointer)
        try:
            wave = lib.utt_wave(utterance).contents
            pcm = np.ctypeslib.as_array(wave.samples, shape=(wave.num_samples,)).copy()
            rate_hz = int(wave.sample_rate)  # the utterance owns the wave
            phones: list[tuple[float, str]] = []
            words: list[tuple[float, float]] = []
            names: list[str] = []
            last = None
            start_s = 0.0
            item = lib.relation_head(lib.utt_relation(utterance, b"Segment"))
            while item:
                end_s = lib.item_feat_float(item, b"end")
                phones.append((start_s, lib.item_feat_string(item, b"name").decode()))
                syllable = lib.item_as(item, b"SylStructure")
                syllable = lib.item_parent(syllable) if syllable else None
                word = lib.item_parent(syllable) if syllable else None
                if word:
                    if word == last:
                        words[-1] = (words[-1][0], end_s)
                    else:
                        words.append((start_s, end_s))
                        names.append(lib.item_feat_string(word, b"name").decode())
                    last = word
                start_s = end_s
                item = lib.item_next(item)
        finally:
            lib.delete_utterance(utterance)
        return _trim(_to_16k(pcm, rate_hz), _fit(text, names, words), phones)


def _fit(
    text: str, names: list[str], times: list[tuple[float, float]]
) -> list[tuple[float, float]]:
    """Times for the text's words from a synthesiser's own tokens, which may split one word.

    Both spell the same letters in the same order, else NotSpoken ("Dr" read as "doctor").
    """
    tokens = [(re.sub(r"[^a-z]", "", n.lower()), t) for n, t in zip(names, times, strict=True)]
    result: list[tuple[float, float]] = []
    i = 0
    for match in WORD.finditer(text):
        want = match.group().lower().replace("'", "")
        got, start_s, end_s = "", None, 0.0
        while len(got) < len(want) and i < len(tokens):
            got += tokens[i][0]
            start_s = tokens[i][1][0] if start_s is None else start_s
            end_s = tokens[i][1][1]
            i += 1
        if got != want or start_s is None:
            raise NotSpoken(text)
        result.append((start_s, end_s))
    if i != len(tokens):
        raise NotSpoken(text)
    return result


# --- festival ----------------------------------------------------------------------------------

_SCHEME = """
(voice_cmu_us_slt_arctic_hts)
(define (vori text wav segs)
  (set! u (eval (list 'Utterance 'Text text))) (utt.synth u)
  (utt.save.wave u wav 'riff)
  (set! f (fopen segs "w"))
  (mapcar (lambda (s) (format f "%s %f %s\\n" (item.name s) (item.feat s 'end)
    (item.feat s "R:SylStructure.parent.parent.word_start"))) (utt.relation.items u 'Segment))
  (fclose f)
  (set! f (fopen (string-append segs ".w") "w"))
  (mapcar (lambda (w) (format f "%s %f %f\\n" (item.name w)
    (item.feat w "R:SylStructure.daughter1.daughter1.segment_start")
    (item.feat w "R:SylStructure.daughtern.daughtern.end"))) (utt.relation.items u 'Word))
  (fclose f))
"""


def festival(sentences: list[str]) -> list[Spoken | None]:
    """Speak all sentences with festival's HTS voice in one child process; None where it failed."""
    import wave

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = [_SCHEME]
        for i, text in enumerate(sentences):
            lines.append(f'(vori "{text}" "{folder}/{i}.wav" "{folder}/{i}.txt")')
        (folder / "all.scm").write_text("\n".join(lines))
        subprocess.run(
            ["festival", "-b", str(folder / "all.scm")], check=False, capture_output=True
        )
        result: list[Spoken | None] = []
        for i, text in enumerate(sentences):
            try:
                with wave.open(str(folder / f"{i}.wav")) as file:
                    rate_hz = file.getframerate()
                    pcm = np.frombuffer(file.readframes(file.getnframes()), np.int16)
                phones, start_s = [], 0.0
                for line in (folder / f"{i}.txt").read_text().splitlines():
                    phone, end, _ = line.split()
                    phones.append((start_s, phone))
                    start_s = float(end)
                rows = [r.split() for r in (folder / f"{i}.txt.w").read_text().splitlines()]
                times = [(float(a), float(b)) for _, a, b in rows]
                words = _fit(text, [r[0] for r in rows], times)
                result.append(_trim(_to_16k(pcm, rate_hz), words, phones))
            except (OSError, EOFError, ValueError, NotSpoken):
                result.append(None)
        return result


# --- shared ------------------------------------------------------------------------------------


def _to_16k(pcm: NDArray[np.int16], rate_hz: int) -> NDArray[np.int16]:
    if rate_hz == RATE_HZ:
        return pcm
    up, down = {22_050: (320, 441), 8_000: (2, 1), 32_000: (1, 2), 48_000: (1, 3)}[rate_hz]
    from scipy.signal import resample_poly  # not needed for voices that speak at 16 kHz

    sound = resample_poly(pcm.astype(np.float32), up, down)
    return np.clip(np.rint(sound), -32768, 32767).astype(np.int16)


def _trim(
    pcm: NDArray[np.int16],
    words: list[tuple[float, float]],
    phones: list[tuple[float, str]],
    *,
    margin_s: float = 0.04,
) -> Spoken:
    """Cut the silence before the first and after the last word, all but `margin_s`."""
    loud = np.flatnonzero(np.abs(pcm) > 300)
    if not len(loud) or not words:
        raise NotSpoken("silence")
    a = max(0, int(loud[0]) - int(margin_s * RATE_HZ))
    b = min(len(pcm), int(loud[-1]) + int(margin_s * RATE_HZ))
    length_s = (b - a) / RATE_HZ
    t0 = a / RATE_HZ

    def clip(s: float) -> float:
        return float(min(max(s - t0, 0.0), length_s))

    return Spoken(
        pcm=pcm[a:b],
        words=[(clip(s), clip(e)) for s, e in words],
        phones=[(clip(s), p) for s, p in phones],
    )
