"""Write the trained model as a CTranslate2 int8 folder that stock faster-whisper loads."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Callable
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
        # what VORI should know: shortest window, earlier text, and the feature behind the sound
        card = {"name": "demo", "languages": ["en"], "minWindowS": 2.0, "contextTokens": 0}
        (made / "vori.json").write_text(json.dumps(card, indent=1) + "\n")
        target.mkdir(parents=True, exist_ok=True)
        for path in made.iterdir():
            shutil.copy(path, target / path.name)


def diagonal_heads(model: Whisper, folder: Path, shape: Shape) -> list[list[int]]:
    """Cross-attention heads that lie on the word being written, by the times of training sound.

    Prints every head's mean share of weight inside the word (60 ms around it counted in); keeps
    those within 0.1 of the best.
    """
    from batches import Batches, Corpus
    from train import prepare

    tokenizer, phones = prepare(folder)
    corpus = Corpus(folder / "shards", phones, only=[0, 1])
    corpus.refresh()
    batches = Batches(corpus, tokenizer, seed=77, seconds=40)
    seen: dict[str, torch.Tensor] = {}

    def keep(name: str) -> Callable[[object, object, torch.Tensor], None]:
        def hook(_module: object, _inputs: object, output: torch.Tensor) -> None:
            seen[name] = output

        return hook

    for i, layer in enumerate(model.model.decoder.layers):
        layer.encoder_attn.q_proj.register_forward_hook(keep(f"q{i}"))
        layer.encoder_attn.k_proj.register_forward_hook(keep(f"k{i}"))
    share = torch.zeros(shape.decoder_layers, shape.heads)
    count = 0
    for index in range(12):
        batch = batches.make(index, 0.0)
        if batch.first:
            continue
        spans = torch.from_numpy(batch.spans)
        with torch.no_grad():
            sound = model.model.encoder(torch.from_numpy(batch.mel))
            model.model.decoder(torch.from_numpy(batch.tokens), sound)
        frame = torch.arange(sound.shape[1])
        inside = (frame >= spans[..., :1]) & (frame <= spans[..., 1:])
        guided = inside.any(2)
        for i in range(shape.decoder_layers):
            attention = model.model.decoder.layers[i].encoder_attn
            q, k = attention.split(seen[f"q{i}"]), attention.split(seen[f"k{i}"])
            weights = ((q @ k.transpose(2, 3)) / shape.head_size**0.5).softmax(3)
            for h in range(shape.heads):
                share[i, h] += (weights[:, h] * inside)[guided].sum()
        count += int(guided.sum())
    share /= count
    print(
        "share of weight on the word, [layer][head]:",
        [[round(x, 3) for x in r] for r in share.tolist()],
    )
    good = (share > share.max() - 0.1).nonzero().tolist()
    return [[int(a), int(b)] for a, b in good]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path)
    parser.add_argument("--name", default="checkpoint")
    parser.add_argument("--heads", help="as JSON; measured if not given")
    parser.add_argument("--random", type=int, default=None, help="random weights of this width")
    options = parser.parse_args()
    folder = corpora.work_folder()
    if options.random:
        shape = Shape(options.random)
        state = Whisper(shape, bpe.VOCABULARY, 1).state_dict()
    else:
        saved = torch.load(folder / f"{options.name}.pt", map_location="cpu", weights_only=False)
        shape, state = saved["shape"], saved["average"]
        print(f"step {saved['step']}, {json.dumps(asdict(shape))}")
    if options.heads or options.random:
        heads = json.loads(options.heads or "[[1, 0]]")
    else:
        model = Whisper(shape, bpe.VOCABULARY, saved["phones"])
        model.load_state_dict(state)
        heads = diagonal_heads(model.eval(), folder, shape)
        print("alignment heads", heads)
    export(shape, state, folder / "tokenizer.json", heads, options.target)


if __name__ == "__main__":
    main()
