"""What a container holds: a sound track, then its packets. Shared by the container readers."""

from __future__ import annotations

from msgspec import Struct

from vori.errors import BadMessage

MAX_PACKET_BYTES = 1 << 20
"""One second of 32-bit PCM, 48 kHz, in five channels; no codec comes near."""

MAX_JUNK_BYTES = 1 << 16
"""So much that cannot be read in one piece is no longer damage but another format."""

MAX_END_JUNK_BYTES = 1 << 12
"""The same at the end of a stream, where nothing readable follows."""


class Track(Struct, frozen=True, kw_only=True):
    """A sound track begins; packets that follow belong to it.

    `codec` is libav's decoder name, `private` its extradata. `rate_hz` and `channels` are what
    the container says (0 where it does not).
    """

    codec: str
    private: bytes
    rate_hz: int = 0
    channels: int = 0


class Packet(Struct, frozen=True, kw_only=True):
    """One coded packet. `at_ms` counts in the container's own time; None where it has none.

    `discard_ms` is to be cut from the end of what the packet decodes to.
    """

    data: bytes
    at_ms: float | None = None
    discard_ms: float = 0.0


def unsupported_codec(name: str) -> BadMessage:
    return BadMessage(
        f"The sound is coded as {name[:40]!r}, which VORI cannot read in this container; "
        "send Opus, Vorbis or PCM.",
        code="unsupported_codec",
    )


def format_changed(now: str) -> BadMessage:
    return BadMessage(
        f"The stream turned into {now} midway; start a new recording for another format. "
        "What came before is kept.",
        code="format_changed",
    )
