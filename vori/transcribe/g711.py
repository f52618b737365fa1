"""Telephone sound (ITU-T G.711) to 16-bit PCM: one byte becomes one sample."""

from __future__ import annotations

import numpy as np


def _mu_law() -> np.ndarray:
    code = ~np.arange(256) & 0xFF
    size = ((((code & 0x0F) << 3) + 0x84) << ((code >> 4) & 7)) - 0x84
    return np.where(code & 0x80, -size, size).astype("<i2")


def _a_law() -> np.ndarray:
    code = np.arange(256) ^ 0x55
    step, mantissa = (code >> 4) & 7, (code & 0x0F) << 4
    size = np.where(step == 0, mantissa + 8, (mantissa + 0x108) << np.maximum(step - 1, 0))
    return np.where(code & 0x80, size, -size).astype("<i2")


LAWS = {"mulaw": _mu_law(), "alaw": _a_law()}


def expand(data: bytes, law: str) -> bytes:
    """G.711 bytes to as many s16le samples; `law` is a key of LAWS."""
    samples = LAWS[law][np.frombuffer(data, np.uint8)]
    return bytes(samples.tobytes())
