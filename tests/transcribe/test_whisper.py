import asyncio
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import ctranslate2
import numpy as np
import pytest
from faster_whisper.feature_extractor import FeatureExtractor
from msgspec import structs

from tests.transcribe.random_whisper import Shape, write_random_whisper
from vori.errors import BadMessage, TooLarge, Unavailable
from vori.transcribe.messages import RATE_HZ, Samples, Transcript
from vori.transcribe.models import ResolvedModel
from vori.transcribe.pool import RecogniserPool
from vori.transcribe.recogniser import OutOfMemory, Recogniser, Window
from vori.transcribe.whisper import Whisper, log_mel, max_new_tokens

ROOT = Path(__file__).parents[2]


def noise(seconds: float, seed: int = 0) -> Samples:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(round(seconds * RATE_HZ)) * 0.1).astype(np.float32)


def load(path: Path, **kwargs) -> Whisper:
    options = {"device": "cpu", "workers": 1, "min_window_s": 2.0, "compute_type": "float32"}
    return Whisper(ResolvedModel(path, path.name), **{**options, **kwargs})


@pytest.fixture(scope="module")
def english(tmp_path_factory) -> Whisper:
    return load(write_random_whisper(tmp_path_factory.mktemp("models") / "english"))


@pytest.fixture(scope="module")
def multilingual_path(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("models") / "multilingual"
    return write_random_whisper(path, is_multilingual=True, seed=1)


@pytest.fixture(scope="module")
def multilingual(multilingual_path) -> Whisper:
    return load(multilingual_path)


def test_it_is_a_recogniser_that_describes_itself(english, multilingual):
    recognisers: list[Recogniser] = [english, multilingual]
    first, second = (r.model for r in recognisers)
    assert first.languages == ("en",)
    assert not first.is_multilingual
    assert {"ko", "en", "ja"} <= set(second.languages)
    assert second.is_multilingual
    assert (first.device, first.compute_type, first.max_window_s) == ("cpu", "float32", 30.0)


def test_words_lie_in_order_within_the_sound(english):
    [heard] = english.transcribe([Window(samples=noise(3.3))])
    assert heard.text
    assert heard.language == "en"
    assert heard.text.split() == [word.text for word in heard.words]
    times = [t for word in heard.words for t in (word.start_ms, word.end_ms)]
    assert times == sorted(times)
    assert 0 <= times[0] <= times[-1] <= 3300
    assert all(0 <= word.probability <= 1 for word in heard.words)
    assert 0 <= heard.no_speech_prob <= 1
    assert heard.avg_logprob < 0


def test_a_batch_of_unlike_windows_equals_one_at_a_time(multilingual):
    windows = [
        Window(samples=noise(1.0, 1), language="ko"),
        Window(samples=noise(1.7, 2), language="en"),
        Window(samples=noise(7.0, 3), language="ko", is_final=True),
        Window(samples=noise(1.2, 4), language="en", previous_text="we said this before"),
        Window(samples=noise(1.9, 5), language="ko", previous_text="회의를 시작하겠습니다 여러분"),
        Window(samples=noise(1.5, 6), language="en", is_final=True, hotwords="Vori, Kafka"),
    ]
    together = multilingual.transcribe(windows)
    singly = [multilingual.transcribe([window])[0] for window in windows]
    assert [t.text for t in together] == [t.text for t in singly]
    assert [t.words for t in together] == [t.words for t in singly]
    assert [t.language for t in together] == ["ko", "en", "ko", "en", "ko", "en"]


async def test_several_threads_share_one_model(multilingual_path):
    windows = [
        Window(samples=noise(1 + seed % 5, seed), language="ko", is_final=seed % 3 == 0)
        for seed in range(24)
    ]
    model = load(multilingual_path, workers=2)
    async with RecogniserPool(model, workers=3) as pool:
        together = await asyncio.gather(*(pool.submit(window) for window in windows))
    assert [t.text for t in together] == [model.transcribe([w])[0].text for w in windows]


def test_a_process_that_ends_while_the_model_works_ends_cleanly(multilingual_path):
    program = """
import asyncio, sys
from pathlib import Path
from tests.transcribe.test_whisper import load, noise
from vori.transcribe.pool import RecogniserPool
from vori.transcribe.recogniser import Window

async def main():
    pool = RecogniserPool(load(Path(sys.argv[1])), workers=2)
    await pool.start()
    window = Window(samples=noise(25), is_final=True)
    tasks = [asyncio.create_task(pool.submit(window)) for _ in range(20)]
    while not pool.health().busy_workers:
        await asyncio.sleep(0)
    raise SystemExit(7)

asyncio.run(main())
"""
    command = [sys.executable, "-c", program, str(multilingual_path)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 7, ended.stderr


def test_no_windows_and_no_sound_give_nothing(english):
    assert english.transcribe([]) == []
    heard, nothing = english.transcribe([Window(samples=noise(1)), Window(samples=noise(0))])
    assert heard.text
    assert (nothing.text, nothing.words, nothing.no_speech_prob) == ("", (), 1.0)


def test_language_is_told_among_the_allowed_ones_only(multilingual_path):
    windows = [Window(samples=noise(2, seed)) for seed in range(6)]
    either = load(multilingual_path).transcribe(windows)
    assert {t.language for t in either} <= {"ko", "en"}
    japanese = load(multilingual_path, languages=["ja"]).transcribe(windows)
    assert {t.language for t in japanese} == {"ja"}


@pytest.mark.parametrize(
    ("probability", "likely", "told"),
    [
        (0.6, None, "ko"),
        (0.6, "en", "en"),
        (0.6, "xx", "ko"),
        (0.95, "en", "ko"),
        (0.05, "ko", "en"),
    ],
)
def test_a_recording_changes_its_language_with_good_reason_only(
    multilingual, monkeypatch, probability, likely, told
):
    engine = multilingual._engine
    ranked = [("<|ja|>", 1.0), ("<|ko|>", probability), ("<|en|>", 1 - probability)]

    class Told:
        def __getattr__(self, name):
            return getattr(engine, name)

        def detect_language(self, encoded):
            return [ranked]

    monkeypatch.setattr(multilingual, "_engine", Told())
    [heard] = multilingual.transcribe([Window(samples=noise(1), likely_language=likely)])
    assert heard.language == told


def test_an_unknown_language_is_refused_by_name(multilingual):
    with pytest.raises(BadMessage, match="'xx'") as caught:
        multilingual.transcribe([Window(samples=noise(1), language="xx")])
    assert caught.value.code == "unknown_language"


def test_sound_longer_than_the_window_is_refused(english):
    with pytest.raises(TooLarge, match="30 s"):
        english.transcribe([Window(samples=noise(30.2))])


def test_sound_that_is_not_numbers_does_no_harm(english):
    broken = noise(2)
    broken[100:200] = np.nan
    broken[300] = np.inf
    mended = np.where(np.isfinite(broken), broken, 0).astype(np.float32)
    batch = [Window(samples=broken), Window(samples=noise(2, 7))]
    assert english.transcribe(batch) == english.transcribe(
        [Window(samples=mended), Window(samples=noise(2, 7))]
    )


@pytest.mark.parametrize("seconds", [0.001, 0.02, 1.6, 2.56, 5.0, 29.99, 30.0])
def test_any_length_of_sound_is_taken(english, seconds):
    [heard] = english.transcribe([Window(samples=noise(seconds), is_final=True)])
    assert all(word.end_ms <= seconds * 1000 for word in heard.words)


def test_earlier_text_is_cut_to_few_sizes(english, monkeypatch):
    prompts: list[list[int]] = []
    engine = english._engine

    class Spy:
        def __getattr__(self, name):
            return getattr(engine, name)

        def generate(self, features, batch, **kwargs):
            is_first_try = kwargs["repetition_penalty"] == 1
            prompts.extend(batch if is_first_try else [])
            return engine.generate(features, batch, **kwargs)

    monkeypatch.setattr(english, "_engine", Spy())
    texts = ["", "ab", "a b c d e f", "word " * 5, "word " * 10, "word " * 500]
    english.transcribe([Window(samples=noise(1), previous_text=text) for text in texts])
    english.transcribe([Window(samples=noise(1), previous_text=texts[-1], hotwords="x" * 500)])
    task_tokens = 2
    assert [len(p) - task_tokens for p in prompts] == [0, 0, 8, 16, 32, 64, 64]
    letters = english._tokenizers["en"].decode(prompts[-1])
    assert letters.count("x") == 31 - 1
    assert letters.endswith("word")


class Scripted:
    """An engine that says, for each call of generate, the next of the texts prepared."""

    def __init__(self, model: Whisper, *answers: tuple[str, float]) -> None:
        self.engine = model._engine
        self.encode_text = model._tokenizers["en"].encode
        self.answers = list(answers)
        self.asked: list[tuple[int, int]] = []

    def __getattr__(self, name):
        return getattr(self.engine, name)

    def generate(self, features, prompts, *, beam_size, **kwargs):
        self.asked.append((beam_size, len(prompts[0])))
        text, score = self.answers.pop(0)
        tokens = self.encode_text(text)
        return [SimpleNamespace(sequences_ids=[tokens], scores=[score], no_speech_prob=0.1)]


LOOP = "good morning " * 9


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        ((LOOP, -0.2), ("good morning everyone", -0.5), "good morning everyone"),
        (("goo moo", -1.4), ("good morning", -0.9), "good morning"),
        (("goo moo", -1.4), ("moo", -2.0), "goo moo"),
        (("good", -1.4), (LOOP, -0.1), "good"),
    ],
)
def test_a_final_that_went_wrong_is_decoded_again_plainly(
    english, monkeypatch, first, second, kept
):
    scripted = Scripted(english, first, second)
    monkeypatch.setattr(english, "_engine", scripted)
    window = Window(samples=noise(12), previous_text="word " * 99, is_final=True)
    [heard] = english.transcribe([window])
    assert heard.text == kept
    assert [word.text for word in heard.words] == kept.split()
    assert scripted.asked == [(5, 66), (1, 2)]


@pytest.mark.parametrize(
    ("is_final", "score", "text", "times"),
    [
        (True, -0.5, "good morning", 1),
        (False, -2.0, "good morning", 1),
        (False, -0.2, LOOP, 2),
    ],
)
def test_only_what_went_wrong_is_decoded_again(english, monkeypatch, is_final, score, text, times):
    scripted = Scripted(english, (text, score), ("good morning", -0.5))
    monkeypatch.setattr(english, "_engine", scripted)
    [heard] = english.transcribe([Window(samples=noise(12), is_final=is_final)])
    assert heard.text == "good morning"
    assert len(scripted.asked) == times


def test_a_model_made_for_fewer_positions_keeps_to_them(tmp_path, monkeypatch):
    import tests.transcribe.random_whisper as maker

    real = maker._spec

    def shorter(shape, vocabulary, rng):
        spec = real(shape, vocabulary, rng)
        spec.encoder.position_encodings.encodings = rng.standard_normal((500, 32)).astype("f4")
        spec.decoder.position_encodings.encodings = rng.standard_normal((64, 32)).astype("f4")
        return spec

    monkeypatch.setattr(maker, "_spec", shorter)
    model = load(write_random_whisper(tmp_path / "short"), min_window_s=None)
    assert model.model.max_window_s == 10
    model.transcribe([Window(samples=noise(9), is_final=True)])
    with pytest.raises(TooLarge):
        model.transcribe([Window(samples=noise(11))])


def test_features_are_those_of_the_sound_then_zeros():
    extract = FeatureExtractor()
    samples = noise(1.234)
    ours = log_mel(extract, samples, frames=500)
    heard = extract(np.pad(samples, (0, RATE_HZ)), padding=0)[:, :124]
    np.testing.assert_allclose(ours[:, :124], heard, atol=1e-6)
    assert ours.shape == (80, 500)
    assert not ours[:, 124:].any()


def frames_of(model: Whisper, seconds: float) -> int:
    return model._row(0, Window(samples=noise(seconds))).features.shape[1]


def test_on_a_cpu_windows_are_ten_seconds_and_more(multilingual_path):
    model = load(multilingual_path, min_window_s=None)
    assert frames_of(model, 2.5) == 1000
    assert frames_of(model, 11) == 1200
    assert frames_of(model, 28) == 3000


def test_a_distilled_model_gets_its_full_window(tmp_path):
    turbo = Shape(encoder_layers=4, decoder_layers=1)
    model = load(write_random_whisper(tmp_path / "turbo", turbo), min_window_s=None)
    assert frames_of(model, 2.5) == 3000


def test_a_card_says_how_short_windows_may_be(tmp_path):
    path = write_random_whisper(tmp_path / "with-card")
    (path / "vori.json").write_text('{"minWindowS": 3, "contextTokens": 0, "languages": ["ko"]}')
    model = load(path, min_window_s=None)
    assert frames_of(model, 1) == 300
    assert model.model.languages == ("ko",)
    row = model._row(0, Window(samples=noise(1), previous_text="word " * 99))
    row.tokenizer = model._tokenizer(row)
    assert model._context(row) == []


def test_a_compute_type_the_device_lacks_is_refused_with_the_known_ones(multilingual_path):
    with pytest.raises(BadMessage, match="float32") as caught:
        load(multilingual_path, compute_type="float8")
    assert caught.value.code == "unknown_compute_type"


@pytest.mark.skipif(ctranslate2.get_cuda_device_count() > 0, reason="there is a CUDA device")
def test_cuda_that_does_not_work_gives_way_to_the_cpu(multilingual_path, monkeypatch):
    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 1)
    real_types = ctranslate2.get_supported_compute_types
    monkeypatch.setattr(
        ctranslate2,
        "get_supported_compute_types",
        lambda device: {"float16", "float32"} if device == "cuda" else real_types(device),
    )
    model = load(multilingual_path, device="auto", compute_type="auto")
    assert (model.model.device, model.model.compute_type) == ("cpu", "int8")
    with pytest.raises(Unavailable) as caught:
        load(multilingual_path, device="cuda", compute_type="auto")
    assert caught.value.code == "model_not_loaded"


def test_tokens_are_bounded_by_the_length_of_the_sound():
    assert max_new_tokens(1) < 25
    assert max_new_tokens(60) == 220


def test_a_wide_mel_model_works(tmp_path):
    model = load(write_random_whisper(tmp_path / "wide", Shape(mels=128)))
    [heard] = model.transcribe([Window(samples=noise(2.56))])
    assert heard.text


def test_a_device_without_room_for_one_window_is_left_for_the_cpu(multilingual_path, monkeypatch):
    whisper = load(multilingual_path)
    real = whisper._engine

    class Full:
        device = "cuda"

        def __getattr__(self, name):
            return getattr(real, name)

        def encode(self, *arguments, **named):
            raise RuntimeError("CUDA failed with error out of memory")

    monkeypatch.setattr(whisper, "_engine", Full())
    whisper.model = structs.replace(whisper.model, device="cuda")
    window = Window(samples=noise(1.0), language="en", is_final=True)
    for windows in ([window, window], [window], [window]):  # a batch that is too large is split
        with pytest.raises(OutOfMemory):
            whisper.transcribe(windows)
    [heard] = whisper.transcribe([window])
    assert isinstance(heard, Transcript)
    assert whisper.model.device == "cpu"
    assert len(whisper.transcribe([window, window])) == 2
