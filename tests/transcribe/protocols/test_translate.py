"""The task token of translation reaches the engine, and only where it was asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.transcribe.random_whisper import write_random_whisper
from vori.transcribe.models import ResolvedModel
from vori.transcribe.recogniser import Window
from vori.transcribe.whisper import Whisper

SOUND = (np.random.default_rng(1).standard_normal(32_000) * 0.1).astype(np.float32)


def load(path: Path, **fields: Any) -> Whisper:
    model = ResolvedModel(path, path.name, **fields)
    return Whisper(model, device="cpu", workers=1, min_window_s=2.0, compute_type="float32")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "multilingual"
    return write_random_whisper(folder, is_multilingual=True, seed=1)


def test_windows_of_both_tasks_share_a_call(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whisper = load(path)
    engine, prompts = whisper._engine, []

    class Spy:
        def __getattr__(self, name: str) -> Any:
            return getattr(engine, name)

        def generate(self, features: Any, batch: list[list[int]], **options: Any) -> Any:
            prompts.extend(batch)
            return engine.generate(features, batch, **options)

    monkeypatch.setattr(whisper, "_engine", Spy())
    heard = whisper.transcribe(
        [
            Window(samples=SOUND, language="ko", is_final=True, translate=True),
            Window(samples=SOUND, language="ko", is_final=True),
        ]
    )
    tokenizer = whisper._tokenizers["ko"]
    assert tokenizer.translate in prompts[0]
    assert tokenizer.transcribe not in prompts[0]
    assert tokenizer.transcribe in prompts[1]
    assert heard[0].words == ()


def test_only_models_that_were_shown_how_can_translate(path: Path, tmp_path: Path) -> None:
    assert load(path).model.can_translate
    assert not load(path, is_demo=True).model.can_translate
    assert not load(write_random_whisper(tmp_path / "english")).model.can_translate
