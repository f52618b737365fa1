"""Which rule settles words best: local agreement, or alignment, on the demo model.

    python -m benchmarks.settling [--sound meeting|flite|both] [--seconds 150]

One room without a server: the gate, the recogniser and the settler of VORI on a clock that is
turned, a partial every `--cadence-ms`, each decoding taking `--decode-ms`. Every rule sees the
same sound, and offline decoding of the same sound is the word error rate to be compared with.

    commitDelayMs   a word's last sample → the message that first told it as settled or final
    partialDelayMs  a word's last sample → the message from which on it stays
    flicker         words taken back from partials, per final word
    werStreamed, werOffline
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from benchmarks.measures import Room, merge
from benchmarks.sounds import Speech, compose, meeting_sentences, texts_by_flite
from vori import log
from vori.settings import Log
from vori.transcribe.guard import why_not_said
from vori.transcribe.messages import RATE_HZ, Samples, Transcript
from vori.transcribe.models import resolve
from vori.transcribe.offline import transcribe_samples
from vori.transcribe.recogniser import Recogniser, Window
from vori.transcribe.settle import Heard, Rule, Settler, agreed_or_sure
from vori.transcribe.silero import Silero
from vori.transcribe.voice import SpeechEnded, SpeechStarted, VoiceGate
from vori.transcribe.whisper import Whisper

FRAME_MS = 32


def local_agreement(heard: Heard) -> int:
    """LocalAgreement-2 (Liu et al. 2020): what two hypotheses in a row begin with."""
    return heard.agreed


def align_then_commit(tail_ms: int, sure: float) -> Rule:
    """What ends so long before the newest sound, if it is likely or said twice."""

    def rule(heard: Heard) -> int:
        count = 0
        for word in heard.words:
            is_sure = word.probability >= sure or count < heard.agreed
            if word.end_ms > heard.audio_end_ms - tail_ms or not is_sure:
                break
            count += 1
        return count

    return rule


def at_the_end(heard: Heard) -> int:
    """Nothing before the utterance is over."""
    return 0


RULES: dict[str, Rule] = {
    "atTheEnd": at_the_end,
    "localAgreement": local_agreement,
    "align400": align_then_commit(400, 0.6),
    "align600": align_then_commit(600, 0.8),
    "agreedOrSure": agreed_or_sure,
}


class Remembering:
    """Decodes each window once, however many rules ask."""

    def __init__(self, recogniser: Recogniser) -> None:
        self._recogniser = recogniser
        self._known: dict[tuple[int, int, bool], Transcript] = {}

    def decode(self, samples: Samples, start_ms: int, *, is_final: bool) -> Transcript:
        key = (start_ms, len(samples), is_final)
        if key not in self._known:
            window = Window(samples=samples, language="en", is_final=is_final)
            [self._known[key]] = self._recogniser.transcribe([window])
        return self._known[key]


def stream(
    speech: Speech, ears: Remembering, voice: Silero, rule: Rule, cadence_ms: int, decode_ms: int
) -> Room:
    """What a client would have been told, and when, on the sound's own clock."""
    room = Room(speech)
    gate, settler = VoiceGate(voice.new_room()), Settler(rule=rule)
    size = FRAME_MS * RATE_HZ // 1000
    start_ms, seq, free_ms, guessed_ms = 0, 0, 0.0, 0
    heard: list[Samples] | None = None
    may_end_ms: int | None = None
    foreseen = 0
    """Samples that were put into final words before the utterance was over."""

    def tell(message: dict[str, Any], at_ms: float) -> None:
        room.told(at_ms / 1000, {"type": "caption", "seq": seq, **message})

    def tell_final(pieces: Sequence[Any], at_ms: float) -> None:
        nonlocal seq
        for piece in pieces:
            words = msgspec.to_builtins(piece.words)
            tell({"final": True, "text": piece.text, "words": words}, at_ms)
            seq += 1

    for at in range(0, len(speech.samples), size):
        now_ms = (at + size) * 1000 / RATE_HZ
        for event in gate.feed(speech.samples[at : at + size]):
            if isinstance(event, SpeechStarted):
                start_ms, guessed_ms, heard = event.start_ms, 0, [event.samples]
                may_end_ms, foreseen = None, 0
            elif isinstance(event, SpeechEnded):
                assert heard is not None
                count = (event.end_ms - start_ms) * RATE_HZ // 1000
                samples = np.concatenate(heard)[:count]
                transcript = ears.decode(samples, start_ms, is_final=True)
                if why_not_said(transcript, len(samples) / RATE_HZ):
                    transcript = Transcript(text="", language="")
                if count != foreseen:
                    free_ms = max(free_ms, now_ms) + decode_ms
                tell_final(settler.final(transcript, start_ms=start_ms), max(free_ms, now_ms))
                heard = None
            elif heard is not None:
                heard.append(event.samples)
                may_end_ms = event.may_end_ms
        if heard is None or free_ms > now_ms:
            continue
        samples = np.concatenate(heard)
        length_ms = len(samples) * 1000 // RATE_HZ
        ending = 0 if may_end_ms is None else (may_end_ms - start_ms) * RATE_HZ // 1000
        if (ending == foreseen) if ending else (length_ms - guessed_ms < cadence_ms):
            continue
        guessed_ms = length_ms
        foreseen = ending or foreseen
        transcript = ears.decode(
            samples[:ending] if ending else samples, start_ms, is_final=ending > 0
        )
        free_ms = now_ms + decode_ms
        if why_not_said(transcript, len(samples) / RATE_HZ):
            continue
        end_ms = start_ms + length_ms
        partial = settler.partial(transcript, start_ms=start_ms, audio_end_ms=end_ms)
        if partial is not None:
            tell(
                {"final": False, "text": partial.text, "settledWords": partial.settled_words},
                free_ms,
            )
        committed = None
        if not ending:
            committed = settler.commit(start_ms=start_ms, audio_end_ms=end_ms)
        if committed is not None:
            tell_final(committed.pieces, free_ms)
            cut = (committed.trim_to_ms - start_ms) * RATE_HZ // 1000
            start_ms, guessed_ms, heard = committed.trim_to_ms, 0, [samples[cut:]]
    return room


def offline_text(speech: Speech, recogniser: Recogniser, voice: Silero) -> str:
    said = transcribe_samples(
        recogniser, VoiceGate(voice.new_room()), [speech.samples], language="en"
    )
    return " ".join(piece.text for one in said for piece in one.pieces)


def speeches(sound: str, seconds: float) -> list[Speech]:
    found = []
    if sound in ("meeting", "both"):
        found.append(compose(meeting_sentences(), seconds=seconds, duty=0.75, seed=1))
    if sound in ("flite", "both"):
        found.append(compose(texts_by_flite(), seconds=seconds, duty=0.75, seed=2))
    return found


def compare(
    sound: str, seconds: float, cadence_ms: int, decode_ms: int, rules: dict[str, Rule] = RULES
) -> dict[str, Any]:
    log.configure(Log(level="error"))
    recogniser = Whisper(resolve("demo", home=Path.home() / ".vori"), device="cpu")
    voice = Silero()
    spoken = speeches(sound, seconds)
    memories = [Remembering(recogniser) for _ in spoken]
    offline = [offline_text(speech, recogniser, voice) for speech in spoken]

    def figures(rule: Rule) -> dict[str, Any]:
        rooms = [
            stream(speech, ears, voice, rule, cadence_ms, decode_ms)
            for speech, ears in zip(spoken, memories, strict=True)
        ]
        return merge(rooms, offline)

    return {name: figures(rule) for name, rule in rules.items()}


def main(run: Callable[..., dict[str, Any]] = compare) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sound", choices=("meeting", "flite", "both"), default="meeting")
    parser.add_argument("--seconds", type=float, default=150.0)
    parser.add_argument("--cadence-ms", type=int, default=500)
    parser.add_argument("--decode-ms", type=int, default=120)
    options = parser.parse_args()
    figures = run(options.sound, options.seconds, options.cadence_ms, options.decode_ms)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
