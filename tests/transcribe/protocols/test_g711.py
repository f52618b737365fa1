import av
import numpy as np
import pytest

from vori.transcribe.g711 import expand


@pytest.mark.parametrize(("law", "codec"), [("mulaw", "pcm_mulaw"), ("alaw", "pcm_alaw")])
def test_every_code_is_what_libav_makes_of_it(law: str, codec: str) -> None:
    codes = bytes(range(256))
    decoder = av.CodecContext.create(codec, "r")
    decoder.sample_rate, decoder.layout = 8000, "mono"  # type: ignore[attr-defined]
    [frame] = decoder.decode(av.Packet(codes))  # type: ignore[attr-defined]
    expected = frame.to_ndarray().astype("<i2").ravel()
    assert np.array_equal(np.frombuffer(expand(codes, law), "<i2"), expected)


def test_nothing_stays_nothing() -> None:
    assert expand(b"", "mulaw") == b""
