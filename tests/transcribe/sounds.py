"""Sound for tests, made in memory: tones, and containers as recorders write them."""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path

import av
import numpy as np
import pytest

AUDIO = Path(
    os.environ.get("VORI_TEST_AUDIO", Path(__file__).parents[2].parent / "shared" / "audio")
)


def real(name: str) -> Path:
    """A recording of somebody speaking; the test is skipped where it is not there."""
    path = AUDIO / name
    if not path.is_file():
        pytest.skip(f"{name} is not in {AUDIO.name}/ (set VORI_TEST_AUDIO to its folder)")
    return path


def sweep(seconds: float, rate_hz: int = 48_000, *, amplitude: float = 0.3) -> np.ndarray:
    """A tone rising from 100 to 1000 Hz, float32, shape (n,): no two moments are alike."""
    at = np.arange(round(seconds * rate_hz)) / rate_hz
    slope = (1000 - 100) / max(seconds, 1e-9)
    phase = 2 * np.pi * (100 * at + slope * at**2 / 2)
    return (amplitude * np.sin(phase)).astype(np.float32)


def s16(samples: np.ndarray) -> bytes:
    return np.clip(np.round(samples * 32768), -32768, 32767).astype("<i2").tobytes()


def frames_of(samples: np.ndarray, rate_hz: int, size: int):
    """libav frames of `size` samples; `samples` has the shape (n,) or (n, channels)."""
    wide = samples.reshape(len(samples), -1)
    layout = {1: "mono", 2: "stereo"}[wide.shape[1]]
    for at in range(0, len(wide), size):
        block = np.ascontiguousarray(wide[at : at + size].reshape(1, -1))
        frame = av.AudioFrame.from_ndarray(block, format="flt", layout=layout)
        frame.sample_rate, frame.pts = rate_hz, at
        yield frame


def muxed(samples: np.ndarray, container: str, codec: str, rate_hz: int = 48_000, **options: str):
    """A whole file made by libav."""
    channels = samples.reshape(len(samples), -1).shape[1]
    out = io.BytesIO()
    with av.open(out, "w", format=container, options=options) as file:
        stream = file.add_stream(codec, rate=rate_hz, layout={1: "mono", 2: "stereo"}[channels])
        if codec in {"vorbis", "libvorbis"}:
            stream.codec_context.options = {"strict": "experimental"}
        for frame in frames_of(samples, rate_hz, stream.codec_context.frame_size or 1024):
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return out.getvalue()


def opus(samples: np.ndarray, frame_ms: int = 60) -> tuple[bytes, list[bytes]]:
    """(OpusHead, packets) of 48 kHz sound."""
    channels = samples.reshape(len(samples), -1).shape[1]
    codec = av.CodecContext.create("libopus", "w")
    codec.sample_rate, codec.format = 48_000, "flt"
    codec.layout = {1: "mono", 2: "stereo"}[channels]
    codec.bit_rate = 32_000 * channels
    codec.options = {"frame_duration": str(frame_ms)}
    codec.open()
    packets: list[bytes] = []
    for frame in frames_of(samples, 48_000, 48 * frame_ms):
        packets += [bytes(packet) for packet in codec.encode(frame)]
    packets += [bytes(packet) for packet in codec.encode(None)]
    return bytes(codec.extradata), packets


def element(ident: int, body: bytes) -> bytes:
    name = ident.to_bytes((ident.bit_length() + 7) // 8, "big")
    size = len(body)
    return (
        name
        + (bytes([0x80 | size]) if size < 0x7F else (0x1000_0000 | size).to_bytes(4, "big"))
        + body
    )


def webm_header(head: bytes, codec: bytes = b"A_OPUS", *, rate_hz: float = 48_000, bits: int = 0):
    """What a browser's recorder begins with: a segment of unknown size, one sound track."""
    audio = element(0xB5, struct.pack(">d", rate_hz)) + element(0x9F, b"\1")
    if bits:
        audio += element(0x6264, bytes([bits]))
    entry = (
        element(0xD7, b"\1")
        + element(0x73C5, b"\x11\x22")
        + element(0x83, b"\2")
        + element(0x86, codec)
        + (element(0x63A2, head) if head else b"")
        + element(0xE1, audio)
    )
    return (
        element(0x1A45DFA3, element(0x4286, b"\1") + element(0x4282, b"webm"))
        + bytes.fromhex("18538067 01FFFFFFFFFFFFFF")
        + element(0x1549A966, element(0x2AD7B1, b"\x0f\x42\x40") + element(0x4D80, b"Chrome"))
        + element(0x1654AE6B, element(0xAE, entry))
    )


def webm_blocks(
    packets: list[bytes], frame_ms: int, *, cluster_ms: int = 30_000, start_ms: int = 0
) -> list[bytes]:
    """One block (the first of a cluster with the cluster's head) for each packet."""
    blocks, cluster = [], None
    for index, packet in enumerate(packets):
        at = start_ms + index * frame_ms
        head = b""
        if cluster is None or at - cluster >= cluster_ms:
            cluster = at
            head = bytes.fromhex("1F43B675 01FFFFFFFFFFFFFF") + element(0xE7, at.to_bytes(4, "big"))
        relative = (at - cluster).to_bytes(2, "big", signed=True)
        blocks.append(head + element(0xA3, b"\x81" + relative + b"\x80" + packet))
    return blocks


def webm(samples: np.ndarray, *, frame_ms: int = 60, cluster_ms: int = 30_000) -> bytes:
    """48 kHz sound as a browser's MediaRecorder streams it."""
    head, packets = opus(samples, frame_ms)
    return webm_header(head) + b"".join(webm_blocks(packets, frame_ms, cluster_ms=cluster_ms))


def wav(
    body: bytes,
    *,
    rate_hz: int = 16_000,
    channels: int = 1,
    bits: int = 16,
    tag: int = 1,
    data_bytes: int | None = None,
    extra: bytes = b"",
) -> bytes:
    """`data_bytes` overrides the size that the data chunk claims; `extra` chunks come before."""
    frame = channels * bits // 8
    fmt = struct.pack("<HHIIHH", tag, channels, rate_hz, rate_hz * frame, frame, bits)
    size = len(body) if data_bytes is None else data_bytes
    return (
        b"RIFF"
        + struct.pack("<I", min(36 + len(extra) + size, 0xFFFFFFFF))
        + b"WAVE"
        + b"fmt "
        + struct.pack("<I", len(fmt))
        + fmt
        + extra
        + b"data"
        + struct.pack("<I", size)
        + body
    )
