from __future__ import annotations

import io
import tracemalloc
import zlib
from contextlib import suppress
from itertools import pairwise, repeat
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.transcribe import sounds
from vori.errors import BadMessage, TooLarge, VoriError
from vori.transcribe import container
from vori.transcribe.container import decode_file, open_decoder
from vori.transcribe.messages import AudioFormat, Encoding
from vori.transcribe.ogg import checksum

AUTO = AudioFormat()
TWO_SECONDS = sounds.sweep(2.0)
WEBM = sounds.webm(TWO_SECONDS)
OGG = sounds.muxed(TWO_SECONDS, "ogg", "libopus")
WAV = sounds.wav(sounds.s16(sounds.sweep(2.0, 16_000)))


def decode(data: bytes, fmt: AudioFormat = AUTO, *, step: int = 4096, cuts=None):
    """(samples, encoding, error) of a stream, cut every `step` bytes or at `cuts`."""
    decoder = open_decoder(fmt)
    edges = sorted({0, len(data), *(range(0, len(data), step) if cuts is None else cuts)})
    out, error = [], None
    try:
        for a, b in pairwise(edges):
            out.append(decoder.feed(data[a:b]))
        out.append(decoder.finish())
    except BadMessage as exc:
        error = exc
    samples = np.concatenate([np.zeros(0, np.float32), *out])
    assert samples.dtype == np.float32
    assert decoder.decoded_samples == len(samples)
    assert not len(samples) or (np.isfinite(samples).all() and abs(samples).max() <= 1)
    return samples, decoder.encoding, error


def likeness(samples: np.ndarray, expected: np.ndarray) -> float:
    n = min(len(samples), len(expected))
    return float(np.corrcoef(samples[:n], expected[:n])[0, 1])


def assert_is(samples: np.ndarray, seconds: float, *, alike: float = 0.98) -> None:
    """The sweep of that length, at its own loudness, nothing cut off and nothing added."""
    expected = sounds.sweep(seconds, 16_000)
    assert abs(len(samples) - len(expected)) <= 20 * 16
    assert likeness(samples, expected) > alike, "not the same sound"
    assert np.std(samples) == pytest.approx(np.std(expected), rel=0.1)


# What is read


@pytest.mark.parametrize("frame_ms", [20, 60])
def test_a_browsers_webm_is_decoded_as_it_streams(frame_ms):
    samples, encoding, error = decode(sounds.webm(TWO_SECONDS, frame_ms=frame_ms))
    assert error is None
    assert encoding is Encoding.WEBM
    assert_is(samples[: 2 * 16_000], 2.0)
    # MediaRecorder writes whole packets: the last is filled up with silence.
    assert 0 <= len(samples) - 2 * 16_000 <= 16 * frame_ms


def test_a_block_is_decoded_the_moment_it_is_whole():
    head, packets = sounds.opus(TWO_SECONDS, 60)
    decoder = open_decoder(AUTO)
    assert not len(decoder.feed(sounds.webm_header(head)))
    for count, block in enumerate(sounds.webm_blocks(packets, 60), 1):
        assert not len(decoder.feed(block[:-1]))
        decoder.feed(block[-1:])
        # 6.5 ms of pre-skip, and the resampler holds back 1 ms.
        assert count * 60 - 10 <= decoder.decoded_ms <= count * 60


@pytest.mark.parametrize(
    ("kind", "codec"),
    [
        ("webm", "libopus"),
        ("webm", "vorbis"),
        ("matroska", "flac"),
        ("matroska", "aac"),
        ("matroska", "pcm_s16le"),
        ("matroska", "pcm_f32le"),
        ("ogg", "libopus"),
        ("ogg", "vorbis"),
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_containers_made_by_other_writers_are_read(kind, codec, channels):
    channels = 2 if codec == "vorbis" else channels  # libav writes Vorbis in stereo only
    sound = np.repeat(TWO_SECONDS[:, None], channels, axis=1)
    samples, encoding, error = decode(sounds.muxed(sound, kind, codec))
    assert error is None
    assert encoding is (Encoding.OGG if kind == "ogg" else Encoding.WEBM)
    # AAC begins with 1024 samples of silence, which Matroska as libav writes it does not cut.
    assert_is(samples[341:] if codec == "aac" else samples, 2.0)


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000])
def test_wav_of_any_rate_keeps_its_length(rate_hz):
    samples, encoding, error = decode(
        sounds.wav(sounds.s16(sounds.sweep(2.0, rate_hz)), rate_hz=rate_hz)
    )
    assert (error, encoding) == (None, Encoding.WAV)
    assert abs(len(samples) - 32_000) <= 1
    assert_is(samples, 2.0)


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
def test_wav_of_any_width_is_read(bits):
    value = np.round(sounds.sweep(2.0, 16_000) * 2 ** (bits - 1)).astype(np.int64)
    if bits == 8:
        body = (value + 128).astype(np.uint8).tobytes()
    else:
        body = value.astype("<i4").view(np.uint8).reshape(-1, 4)[:, : bits // 8].tobytes()
    samples, _, error = decode(sounds.wav(body, bits=bits), step=1001)
    assert error is None
    assert_is(samples, 2.0)


def test_float_wav_is_read():
    body = sounds.sweep(2.0, 16_000).astype("<f4").tobytes()
    samples, _, error = decode(sounds.wav(body, bits=32, tag=3))
    assert error is None
    np.testing.assert_array_equal(samples, sounds.sweep(2.0, 16_000))


def test_wav_channels_are_mixed_to_their_mean():
    sound = sounds.sweep(1.0, 16_000)
    wide = np.stack([sound, np.zeros_like(sound), -sound, 2 * sound], axis=1)
    samples, _, _ = decode(sounds.wav(sounds.s16(wide), channels=4))
    np.testing.assert_allclose(samples, sound / 2, atol=1e-4)


@pytest.mark.parametrize("claimed", [0, 1000, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_wav_whose_size_is_wrong_is_read_to_its_end(claimed):
    body = sounds.s16(sounds.sweep(2.0, 16_000))
    samples, _, error = decode(sounds.wav(body, data_bytes=claimed))
    assert error is None
    assert_is(samples, 2.0)


def test_wav_chunks_around_the_sound_are_not_sound():
    extra = b"LIST" + (5).to_bytes(4, "little") + b"hello\0"
    body = sounds.s16(sounds.sweep(1.0, 16_000))
    samples, _, error = decode(sounds.wav(body, extra=extra) + extra)
    assert error is None
    assert len(samples) == 16_000


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("encoding", [Encoding.S16LE, Encoding.F32LE])
def test_declared_pcm_is_read(rate_hz, channels, encoding):
    sound = np.repeat(sounds.sweep(2.0, rate_hz)[:, None], channels, axis=1)
    data = sounds.s16(sound) if encoding is Encoding.S16LE else sound.astype("<f4").tobytes()
    fmt = AudioFormat(encoding=encoding, rate_hz=rate_hz, channels=channels)
    samples, found, error = decode(data, fmt, step=777)
    assert (error, found) == (None, encoding)
    assert abs(len(samples) - 32_000) <= 1
    assert_is(samples, 2.0)


def test_float_pcm_may_hold_anything():
    data = np.array([np.nan, np.inf, -np.inf, 1e38, -7, 0.25], "<f4").tobytes()
    samples, _, error = decode(data, AudioFormat(encoding=Encoding.F32LE))
    assert error is None
    np.testing.assert_array_equal(samples, np.array([0, 0, 0, 1, -1, 0.25], np.float32))


def test_stereo_is_as_loud_as_the_mono_it_holds():
    sound = np.repeat(TWO_SECONDS[:, None], 2, axis=1)
    for data in (sounds.webm(sound), sounds.muxed(sound, "ogg", "libopus")):
        samples, _, _ = decode(data)
        assert np.std(samples) == pytest.approx(np.std(TWO_SECONDS), rel=0.03)


# Streams that are not quite as they should be


@pytest.mark.parametrize("data", [WEBM, OGG, WAV], ids=["webm", "ogg", "wav"])
def test_a_restarted_recorder_begins_a_new_section(data):
    once, _, _ = decode(data)
    twice, _, error = decode(data + data)
    assert error is None
    np.testing.assert_array_equal(twice, np.concatenate([once, once]))


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (WEBM, OGG),
        (WEBM, WAV),
        (OGG, WEBM),
        (OGG, WAV[:1000]),
        (OGG, sounds.s16(TWO_SECONDS[:5_000])),
        (WEBM, sounds.s16(TWO_SECONDS[:5_000])),
        (WAV, WEBM),
        (WAV, OGG),
        (WEBM, sounds.s16(np.tile(TWO_SECONDS, 3))),
        (OGG, sounds.s16(np.tile(TWO_SECONDS, 3))),
    ],
)
def test_a_change_of_container_is_named_and_what_came_before_stays(first, then):
    alone, _, _ = decode(first)
    samples, _, error = decode(first + then)
    assert error is not None
    assert error.code == "format_changed"
    assert len(alone) - 50 <= len(samples) <= len(alone)
    np.testing.assert_array_equal(samples, alone[: len(samples)])


@pytest.mark.parametrize("then", [WEBM, OGG, WAV], ids=["webm", "ogg", "wav"])
def test_a_container_inside_declared_pcm_is_a_change_of_format(then):
    pcm = sounds.s16(sounds.sweep(1.0, 16_000))
    samples, _, error = decode(pcm + then, AudioFormat(encoding=Encoding.S16LE))
    assert error is not None
    assert error.code == "format_changed"
    assert len(samples) == 16_000


def test_the_error_comes_again_with_every_call():
    decoder = open_decoder(AUTO)
    with pytest.raises(BadMessage):
        decoder.feed(b"this is no sound")
    for call in (lambda: decoder.feed(WEBM), decoder.finish):
        with pytest.raises(BadMessage) as again:
            call()
        assert again.value.code == "unknown_audio"


def test_a_webm_that_starts_in_the_middle_says_how_to_go_on():
    head, packets = sounds.opus(TWO_SECONDS, 60)
    blocks = sounds.webm_blocks(packets, 60, cluster_ms=600)
    for middle in (b"".join(blocks[5:]), b"".join(blocks[10:])):
        _, _, error = decode(middle)
        assert error is not None
        assert error.code == "webm_without_header"
        assert "first chunk" in error.message
    _, _, error = decode(WEBM[1000:], AudioFormat(encoding=Encoding.WEBM))
    assert error is not None
    assert error.code == "webm_without_header"
    assert head


def test_an_ogg_that_starts_in_the_middle_says_how_to_go_on():
    second = OGG.index(b"OggS", 4)
    third = OGG.index(b"OggS", second + 4)
    for at in (second, third):
        _, _, error = decode(OGG[at:])
        assert error is not None
        assert error.code == "ogg_without_header"


def test_random_bytes_are_named_unknown_and_told_what_is_read():
    _, _, error = decode(bytes(range(1, 200)))
    assert error is not None
    assert error.code == "unknown_audio"
    assert "WebM" in error.message


def test_an_empty_stream_decodes_to_nothing():
    samples, encoding, error = decode(b"")
    assert (len(samples), encoding, error) == (0, Encoding.AUTO, None)


def test_a_stream_without_sound_says_so():
    head, _ = sounds.opus(TWO_SECONDS)
    video = sounds.webm_header(head).replace(b"\x83\x81\x02", b"\x83\x81\x01")
    _, _, error = decode(video)
    assert error is not None
    assert error.code == "no_sound_track"
    _, _, error = decode(sounds.webm_header(b"", codec=b"A_AC3"))
    assert error is not None
    assert error.code == "unsupported_codec"


def test_a_container_declared_wrongly_is_read_as_what_it_is():
    for declared in (Encoding.WEBM, Encoding.OGG, Encoding.S16LE, Encoding.WAV):
        samples, encoding, error = decode(OGG, AudioFormat(encoding=declared))
        assert (error, encoding) == (None, Encoding.OGG)
        assert_is(samples, 2.0)


def test_lost_bytes_cost_only_the_blocks_they_cover():
    sound = sounds.sweep(10.0)
    head, packets = sounds.opus(sound, 60)
    blocks = sounds.webm_blocks(packets, 60)
    whole, _, _ = decode(sounds.webm_header(head) + b"".join(blocks))
    stream = sounds.webm_header(head) + b"".join(blocks[:60])
    start = len(stream) + 37
    data = stream + b"".join(blocks[60:])
    samples, _, error = decode(data[:start] + data[start + 2_000 :])
    assert error is None
    # 2 kB are 0.5 s; the gap is silence, and what follows stands where it belongs.
    assert abs(len(samples) - len(whole)) <= 16
    assert likeness(samples[-16_000:], whole[-len(samples) :][-16_000:]) > 0.95
    heard = np.abs(samples).reshape(-1)[: len(samples) // 1600 * 1600].reshape(-1, 1600).max(1)
    assert (heard < 0.01).sum() <= 8


def test_a_lost_ogg_page_becomes_silence():
    data = sounds.muxed(sounds.sweep(10.0), "ogg", "libopus", page_duration="200000")
    whole, _, _ = decode(data)
    pages = data.split(b"OggS")
    lost = b"OggS".join(pages[:10] + pages[12:])
    samples, _, error = decode(lost)
    assert error is None
    assert abs(len(samples) - len(whole)) <= 16
    assert likeness(samples[-32_000:], whole[-32_000:]) > 0.95


def test_an_ogg_page_with_a_wrong_checksum_is_not_played():
    at = OGG.rindex(b"OggS")
    damaged = OGG[: at + 60] + bytes([OGG[at + 60] ^ 1]) + OGG[at + 61 :]
    samples, _, _ = decode(damaged)
    assert len(samples) < len(decode(OGG)[0])


def test_the_checksum_is_oggs():
    def slow(data: bytes) -> int:
        crc = 0
        for byte in data:
            crc ^= byte << 24
            for _ in range(8):
                crc = (crc << 1 ^ (0x04C11DB7 if crc & 0x80000000 else 0)) & 0xFFFFFFFF
        return crc

    for data in (b"", b"\0", b"OggS", bytes(range(256)), zlib.compress(b"x" * 999)):
        assert int.from_bytes(checksum(data), "little") == slow(data)


@pytest.mark.parametrize("lacing", [1, 2, 3])
def test_laced_blocks_are_read(lacing):
    head, packets = sounds.opus(TWO_SECONDS, 20)
    packets = packets[: len(packets) // 4 * 4]
    if lacing == 2:  # all of one size: four times the same
        packets = [packets[at // 4 * 4] for at in range(len(packets))]
    data = sounds.webm_header(head) + bytes.fromhex("1F43B675 01FFFFFFFFFFFFFF E78100")
    for at in range(0, len(packets), 4):
        group = packets[at : at + 4]
        if lacing == 1:
            sizes = b"".join(
                b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255]) for packet in group[:3]
            )
        elif lacing == 3:
            lengths = [len(packet) for packet in group]
            sizes = (0x4000 | lengths[0]).to_bytes(2, "big") + b"".join(
                (0x4000 | (b - a + 8191)).to_bytes(2, "big") for a, b in pairwise(lengths[:3])
            )
        else:
            sizes = b""
        flags = 0x80 | lacing << 1
        time = (at * 20).to_bytes(2, "big")
        body = b"\x81" + time + bytes([flags, 3]) + sizes + b"".join(group)
        data += sounds.element(0xA3, body)
    plain = sounds.webm_header(head) + b"".join(sounds.webm_blocks(packets, 20))
    np.testing.assert_array_equal(decode(data)[0], decode(plain)[0])


def test_the_padding_at_the_end_is_cut_off():
    data = sounds.muxed(sounds.sweep(1.005), "webm", "libopus")
    assert abs(len(decode(data)[0]) - round(1.005 * 16_000)) <= 32
    data = sounds.muxed(sounds.sweep(1.005), "ogg", "libopus")
    assert abs(len(decode(data)[0]) - round(1.005 * 16_000)) <= 2


# Whole files


def test_a_file_gives_nothing_while_it_streams():
    data = sounds.muxed(TWO_SECONDS, "mp4", "aac")
    assert data.index(b"mdat") < data.index(b"moov")
    samples, encoding, error = decode(data)
    assert (len(samples), encoding, error) == (0, Encoding.FILE, None)


@pytest.mark.parametrize(
    ("kind", "codec"),
    [
        ("mp4", "aac"),
        ("adts", "aac"),
        ("mp3", "libmp3lame"),
        ("flac", "flac"),
        ("aiff", "pcm_s16be"),
    ],
)
def test_whole_files_are_recognised_and_decoded(kind, codec):
    try:
        data = sounds.muxed(TWO_SECONDS, kind, codec)
    except Exception as exc:
        pytest.skip(f"this libav cannot write {kind}: {exc}")
    assert decode(data)[1] is Encoding.FILE
    blocks = list(decode_file(io.BytesIO(data), limit_s=60))
    assert {len(block) for block in blocks[:-1]} == {16_000}
    samples = np.concatenate(blocks)
    assert abs(len(samples) - 32_000) <= 16 * 60  # the coders' own padding
    delay = int(np.argmax(np.correlate(samples, sounds.sweep(2.0, 16_000)[:3200], "valid")[:1600]))
    assert likeness(samples[delay:], sounds.sweep(2.0, 16_000)) > 0.95


@pytest.mark.parametrize("data", [WEBM, OGG, WAV], ids=["webm", "ogg", "wav"])
def test_a_stream_kept_as_a_file_decodes_to_the_same_samples(data, tmp_path):
    path = tmp_path / "recording"
    path.write_bytes(data)
    samples = np.concatenate(list(decode_file(path, limit_s=60)))
    np.testing.assert_array_equal(samples, decode(data)[0])


@pytest.mark.parametrize(
    "data",
    [b"", b"\0" * 5000, b"ID3" + bytes(500), b"....ftypM4A " + bytes(range(256)) * 9],
    ids=["empty", "zeros", "id3", "mp4"],
)
def test_a_file_that_holds_no_sound_is_refused(data):
    with pytest.raises(BadMessage) as refused:
        list(decode_file(io.BytesIO(data), limit_s=60))
    assert refused.value.code == "undecodable_audio"


def test_an_m4a_that_was_cut_off_before_its_index_is_refused():
    data = sounds.muxed(TWO_SECONDS, "mp4", "aac")
    with pytest.raises(BadMessage) as refused:
        list(decode_file(io.BytesIO(data[: data.index(b"moov")]), limit_s=60))
    assert refused.value.code == "undecodable_audio"


def test_a_file_that_breaks_off_gives_what_came_before_the_error():
    blocks = []
    with pytest.raises(BadMessage) as refused:
        blocks.extend(decode_file(io.BytesIO(OGG + WAV + bytes(20_000)), limit_s=60))
    assert refused.value.code == "format_changed"
    samples = np.concatenate(blocks)
    np.testing.assert_array_equal(samples, decode(OGG)[0])


def test_a_file_longer_than_the_limit_is_refused_once_that_much_was_read():
    blocks = decode_file(io.BytesIO(WAV), limit_s=1.5)
    with pytest.raises(TooLarge) as refused:
        assert sum(len(block) for block in blocks) == 0
    assert refused.value.code == "audio_too_long"


@pytest.mark.parametrize(
    ("name", "playlist"),
    [
        ("secret.wav", "ffconcat version 1.0\nfile secret.wav\n"),
        (
            "secret.ts",
            "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nsecret.ts\n#EXT-X-ENDLIST\n",
        ),
    ],
)
def test_a_file_cannot_make_the_server_read_other_files(name, playlist, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    secret = WAV if name.endswith("wav") else sounds.muxed(TWO_SECONDS, "mpegts", "aac")
    (tmp_path / name).write_bytes(secret)
    lure = tmp_path / "lure.m3u8"
    lure.write_text(playlist, encoding="ascii")
    with lure.open("rb") as file, av.open(file) as unguarded:
        assert any(frame.samples for frame in unguarded.decode(audio=0))
    with pytest.raises(BadMessage):
        list(decode_file(lure, limit_s=60))


# Real recordings


@pytest.mark.parametrize(
    ("name", "seconds"),
    [("original-test.webm", 6.941), ("original-test.m4a", 6.933), ("jfk.wav", 11.0)],
)
def test_every_second_of_a_real_recording_is_decoded(name, seconds):
    path: Path = sounds.real(name)
    samples = np.concatenate(list(decode_file(path, limit_s=60)))
    assert abs(len(samples) / 16_000 - seconds) <= 0.020
    if not name.endswith("m4a"):
        streamed, _, error = decode(path.read_bytes(), step=32 * 1024)
        assert error is None
        assert abs(len(streamed) / 16_000 - seconds) <= 0.020


# Any bytes, cut anyhow

PCM = AudioFormat(encoding=Encoding.S16LE, rate_hz=44_100, channels=2)
STREAMS = [
    (WEBM, AUTO),
    (sounds.webm(sounds.sweep(0.7), frame_ms=20, cluster_ms=200), AUTO),
    (OGG, AUTO),
    (WAV, AUTO),
    (sounds.wav(bytes(5000), rate_hz=44_100, channels=2) * 2, AUTO),
    (sounds.s16(np.repeat(sounds.sweep(0.3, 44_100), 2)), PCM),
    (sounds.muxed(TWO_SECONDS, "webm", "libopus"), AUTO),
    (WEBM + OGG, AUTO),
    (sounds.muxed(sounds.sweep(0.5), "mp4", "aac"), AUTO),
]
fuzz = settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))


@fuzz
@given(st.integers(0, len(STREAMS) - 1), st.data())
def test_however_a_stream_is_cut_the_samples_are_the_same(stream, data):
    content, fmt = STREAMS[stream]
    cuts = data.draw(st.lists(st.integers(0, len(content)), max_size=40))
    at_once, _, error = decode(content, fmt, cuts=[])
    samples, _, again = decode(content, fmt, cuts=cuts)
    np.testing.assert_array_equal(samples, at_once)
    assert (error and error.code) == (again and again.code)


def test_byte_by_byte_the_samples_are_the_same():
    for content, fmt in STREAMS[1:6]:
        np.testing.assert_array_equal(
            decode(content, fmt, step=1)[0], decode(content, fmt, cuts=[])[0]
        )


@fuzz
@given(st.integers(0, len(STREAMS) - 1), st.data())
def test_damage_never_raises_anything_but_our_errors(stream, data):
    content, fmt = bytearray(STREAMS[stream][0]), STREAMS[stream][1]
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(content) - 1))
        kind = data.draw(st.sampled_from(["flip", "drop", "insert", "zero", "ones"]))
        size = data.draw(st.integers(1, 40))
        if kind == "flip":
            content[at] ^= data.draw(st.integers(1, 255))
        elif kind == "drop":
            del content[at : min(at + size, len(content) - 1)]
        elif kind == "insert":
            content[at:at] = data.draw(st.binary(max_size=size))
        else:
            content[at : at + size] = (b"\0" if kind == "zero" else b"\xff") * size
    cuts = data.draw(st.lists(st.integers(0, len(content)), max_size=10))
    samples, _, error = decode(bytes(content), fmt, cuts=cuts)
    at_once, _, again = decode(bytes(content), fmt, cuts=[])
    np.testing.assert_array_equal(samples, at_once)
    assert (error and error.code) == (again and again.code)
    assert len(samples) < 16_000 * 120
    with suppress(VoriError):
        list(decode_file(io.BytesIO(bytes(content)), limit_s=600))


@fuzz
@given(st.binary(max_size=3000), st.sampled_from(list(Encoding)))
def test_any_bytes_at_all_raise_nothing_but_our_errors(content, encoding):
    for head in (b"", WEBM[:200], OGG[:120], WAV[:60], b"\x1a\x45\xdf\xa3", b"ID3"):
        decode(head + content, AudioFormat(encoding=encoding), step=500)


@pytest.mark.parametrize(
    "head",
    [
        bytes.fromhex("1A45DFA3 01FFFFFFFFFFFFFE"),
        bytes.fromhex("1A45DFA380 18538067 01FFFFFFFFFFFFFF 1654AE6B 0100000FFFFFFFFF"),
        bytes.fromhex("1A45DFA380 18538067 01FFFFFFFFFFFFFF EC 0100FFFFFFFFFFFF"),
        sounds.webm_header(sounds.opus(TWO_SECONDS)[0]) + bytes.fromhex("A3 08FFFFFFFF 81"),
    ],
    ids=["header", "tracks", "void", "block"],
)
def test_an_absurd_size_takes_no_memory(head):
    decoder = open_decoder(AUTO)
    tracemalloc.start()
    try:
        with suppress(BadMessage):
            decoder.feed(head)
        with pytest.raises(BadMessage):
            list(map(decoder.feed, repeat(b"\x55" * 100_000, 200)))
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


def test_wild_times_do_not_become_hours_of_silence():
    head, packets = sounds.opus(TWO_SECONDS, 60)
    data = sounds.webm_header(head)
    for index, packet in enumerate(packets):
        cluster = bytes.fromhex("1F43B675 01FFFFFFFFFFFFFF")
        data += cluster + sounds.element(0xE7, (index * 10**7).to_bytes(5, "big"))
        data += sounds.element(0xA3, b"\x81\0\0\x80" + packet)
    samples, _, error = decode(data)
    assert error is None
    assert len(samples) < 16_000 * 40


def test_hours_of_sound_in_one_message_are_refused(monkeypatch):
    monkeypatch.setattr(container, "MAX_FEED_S", 60)
    head, _ = sounds.opus(TWO_SECONDS)
    blocks = sounds.element(0xA3, b"\x81\0\0\x80" + b"\x1b\x02") * 1_000  # 120 ms in two bytes
    data = sounds.webm_header(head) + bytes.fromhex("1F43B675 01FFFFFFFFFFFFFF E78100") + blocks
    samples, _, error = decode(data, cuts=[])
    assert error is not None
    assert error.code == "sound_too_dense"
    assert 60 <= len(samples) / 16_000 < 61
