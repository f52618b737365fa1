"""Sound files with damage, each made anew from its number alone.

`python -m tests.security.corpus FIRST LAST` decodes them as streams and as files do, in a process that
may die of it, and prints a line of JSON for each.
"""

from __future__ import annotations

import functools
import io
import json
import random
import re
import sys
import time
from pathlib import Path

import numpy as np

from tests.transcribe.sounds import muxed, s16, sweep, wav, webm
from vori.errors import VoriError
from vori.transcribe import container
from vori.transcribe.messages import AudioFormat, Samples

CHUNK = 4_000
LIES = (
    b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x00\x00\x00\x00", b"\x80\x00\x00\x00", b"\xff",
    b"\x01\xff\xff\xff\xff\xff\xff\xff", b"\x00\x00\x00\x01", b"\x08\x00\x00\x00\x00", b"\xfe\xff",
)  # fmt: skip
"""What a length or a count may say when it is not true."""


@functools.cache
def seeds() -> dict[str, bytes]:
    """Whole and sound files of a short tone, one for each way of coding."""
    sound = sweep(0.3)
    wide = np.stack([sound, sound[::-1]], axis=1)
    low = sweep(0.3, 44_100)
    return {
        "webm as browsers record it": webm(sound, frame_ms=20),
        "webm by libav": muxed(wide, "webm", "libopus"),
        "webm with vorbis": muxed(wide, "webm", "vorbis"),
        "ogg opus": muxed(sound, "ogg", "libopus"),
        "ogg vorbis": muxed(wide, "ogg", "vorbis"),
        "ogg flac": muxed(sound, "ogg", "flac"),
        "wav": wav(s16(sweep(0.3, 16_000))),
        "wav, 44.1 kHz": muxed(low, "wav", "pcm_s16le", 44_100),
        "wav with adpcm": muxed(low, "wav", "adpcm_ms", 44_100),
        "m4a": muxed(sound, "mp4", "aac"),
        "m4a in fragments": muxed(sound, "mp4", "aac", movflags="frag_keyframe+empty_moov"),
        "m4a with alac": muxed(sound, "ipod", "alac"),
        "mp3": muxed(low, "mp3", "libmp3lame", 44_100),
        "flac": muxed(sound, "flac", "flac"),
    }


def _peak_kb() -> int:
    """Not ru_maxrss, which a process inherits from the one that started it."""
    return int(re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[0])


def damaged(number: int) -> tuple[str, bytes]:
    """The file with this number: of which kind it was, and its bytes."""
    dice = random.Random(number)
    names = list(seeds())
    kind = names[number % len(names)]
    data = bytearray(seeds()[kind])
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        at = dice.randrange(len(data)) if data else 0
        if dice.random() < 0.5:  # headers are where lies do harm
            at = min(at, dice.randrange(400))
        match dice.randrange(7):
            case 0:
                for _ in range(dice.choice((1, 8, 60))):
                    where = dice.randrange(len(data)) if data else 0
                    data[where : where + 1] = bytes([dice.randrange(256)])
            case 1:
                del data[at:]
            case 2:
                lie = dice.choice(LIES)
                data[at : at + len(lie)] = lie
            case 3:
                other = seeds()[dice.choice(names)]
                start = dice.randrange(len(other))
                data[at:at] = other[start : start + dice.randrange(2_000)]
            case 4:
                del data[at : at + dice.randrange(1, 300)]
            case 5:
                data[at:at] = data[at : at + dice.randrange(2_000)] * dice.randrange(1, 4)
            case 6:
                data[at : at + 64] = dice.randbytes(64)
    return kind, bytes(data)


def streamed(data: bytes) -> Samples:
    """Decoded as it comes. Raises VoriError."""
    decoder = container.open_decoder(AudioFormat())
    got = [decoder.feed(data[at : at + CHUNK]) for at in range(0, len(data), CHUNK)]
    return np.concatenate([*got, decoder.finish()])


def read(data: bytes) -> Samples:
    """Decoded as a file. Raises VoriError."""
    blocks = list(container.decode_file(io.BytesIO(data), limit_s=600))
    return np.concatenate(blocks) if blocks else container.NOTHING


def outcome(work: object, data: bytes) -> dict[str, object]:
    assert callable(work)
    begun_s = time.process_time()
    try:
        samples: Samples = work(data)
    except VoriError as exc:
        told: dict[str, object] = {"code": exc.code, "message": exc.message}
    else:
        told = {
            "code": None,
            "samples": len(samples),
            "is_sound": bool(np.isfinite(samples).all() and (np.abs(samples) <= 1).all()),
        }
    return told | {"cpu_s": time.process_time() - begun_s}


def main(first: int, last: int) -> None:
    for number in range(first, last):
        kind, data = damaged(number)
        sys.stdout.write(
            json.dumps(
                {
                    "number": number,
                    "kind": kind,
                    "stream": outcome(streamed, data),
                    "file": outcome(read, data),
                    "peak_kb": _peak_kb(),
                }
            )
            + "\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
