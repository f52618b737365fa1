"""Write the trained model as a CTranslate2 int8 folder that stock faster-whisper loads."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path

import bpe
import corpus as corpora
import torch
from model import Shape, Whisper


def export(shape: Shape, state: dict[str, torch.Tensor], tokenizer: Path, heads: list[list[int]],
           target: Path) -> None:  # fmt: skip
    """`heads`: [decoder layer, head] pairs that word times are read from."""
    from ctranslate2.converters import TransformersConverter
    from transformers import (
        GenerationConfig,
        PreTrainedTokenizerFast,
        WhisperConfig,
        WhisperForConditionalGeneration,
    )

    config = WhisperConfig(
        vocab_size=bpe.VOCABULARY, num_mel_bins=shape.mels, d_model=shape.d,
        encoder_layers=shape.encoder_layers, decoder_layers=shape.decoder_layers,
        encoder_attention_heads=shape.heads, decoder_attention_heads=shape.heads,
        encoder_ffn_dim=4 * shape.d, decoder_ffn_dim=4 * shape.d,
        max_source_positions=shape.positions, max_target_positions=shape.text_positions,
        pad_token_id=bpe.EOT, bos_token_id=bpe.EOT, eos_token_id=bpe.EOT,
        decoder_start_token_id=bpe.SOT, suppress_tokens=[], begin_suppress_tokens=[],
    )  # fmt: skip
    whisper = WhisperForConditionalGeneration(config)
    ours = {k: v.float() for k, v in state.items() if not k.startswith("phone_head")}
    ours["proj_out.weight"] = ours["model.decoder.embed_tokens.weight"]
    whisper.load_state_dict(ours)
    generation = GenerationConfig(
        decoder_start_token_id=bpe.SOT, eos_token_id=bpe.EOT, pad_token_id=bpe.EOT, max_length=448
    )
    generation.alignment_heads = heads
    generation.no_timestamps_token_id = bpe.NOTIMESTAMPS
    special = [bpe.EOT, bpe.SOT, bpe.SOT + 2, bpe.SOT + 3, bpe.SOT + 4, bpe.PREV, bpe.NOSPEECH]
    generation.suppress_tokens = [*special, bpe.SOT + 1][1:]
    # not the end of text: of silence the model may say nothing at once
    generation.begin_suppress_tokens = [bpe.byte_letters_space()]
    whisper.generation_config = generation
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "hf"
        whisper.save_pretrained(folder)
        fast = PreTrainedTokenizerFast(
            tokenizer_file=str(tokenizer), eos_token="<|endoftext|>", bos_token="<|endoftext|>"
        )
        fast.save_pretrained(folder)
        converter = TransformersConverter(str(folder), copy_files=["tokenizer.json"])
        made = Path(name) / "ct2"
        converter.convert(str(made), quantization="int8")
        shutil.copy(tokenizer, made / "tokenizer.json")
        (made / "preprocessor_config.json").write_text(
            json.dumps(
                {
                    "feature_size": shape.mels, "sampling_rate": 16000, "hop_length": 160,
                    "chunk_length": 30, "n_fft": 400,
                },
                indent=1,
            )
            + "\n"
        )  # fmt: skip
        target.mkdir(parents=True, exist_ok=True)
        for path in made.iterdir():
            shutil.copy(path, target / path.name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path)
    parser.add_argument("--name", default="checkpoint")
    parser.add_argument("--heads", default="[[1,0]]")
    parser.add_argument("--random", type=int, default=None, help="random weights of this width")
    options = parser.parse_args()
    folder = corpora.work_folder()
    if options.random:
        shape = Shape(options.random)
        state = Whisper(shape, bpe.VOCABULARY, 1).state_dict()
    else:
        torch.serialization.add_safe_globals([Shape])
        saved = torch.load(folder / f"{options.name}.pt", map_location="cpu", weights_only=False)
        shape, state = saved["shape"], saved["average"]
        print(f"step {saved['step']}, {json.dumps(asdict(shape))}")
    export(shape, state, folder / "tokenizer.json", json.loads(options.heads), options.target)


if __name__ == "__main__":
    main()
