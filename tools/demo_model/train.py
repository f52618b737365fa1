"""Train the demo model: next-token loss, plus two losses from the synthesisers' own times.

The phone head (50 Hz, on the encoder) and one guided cross-attention head in every decoder layer
(its weight must lie on the word being written) make alignment easy; both fade out. Resumes from
`checkpoint.pt`; uses a GPU if there is one.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import bpe
import corpus as corpora
import numpy as np
import sentences
import torch
from batches import Batch, Batches, Corpus
from model import Shape, Whisper
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, IterableDataset


def prepare(folder: Path) -> tuple[Tokenizer, dict[str, int]]:
    """The tokenizer and the phone inventory, made once the first shards are there."""
    path = folder / "tokenizer.json"
    if not path.exists():
        common = corpora.common_words(folder)
        bpe.save(bpe.learn(sentences.draw(5, 100_000, common=common)), path)
    phones_path = folder / "phones.json"
    if not phones_path.exists():
        names: set[str] = set()
        for shard in sorted((folder / "shards").glob("*.json"))[:40]:
            for row in json.loads(shard.read_text()):
                family = "e" if row["voice"].startswith("espeak") else "c"
                names |= {f"{family}:{p}" for _, p in row["phones"]}
        phones_path.write_text(json.dumps(sorted(names)))
    phones = {p: i for i, p in enumerate(json.loads(phones_path.read_text()))}
    return Tokenizer.from_file(str(path)), phones


def stream(
    folder: Path, options: argparse.Namespace, start: int, part: int, parts: int
) -> Iterator[Batch]:
    """Batches start, start + 1, ... of every part; new shards are read as they appear."""
    tokenizer, phones = prepare(folder)
    corpus = Corpus(folder / "shards", phones)
    corpus.refresh()
    batches = Batches(
        corpus, tokenizer, seed=options.seed, seconds=options.seconds / options.processes
    )
    for step in range(start, options.steps):
        if step % 60 == 59:
            corpus.refresh()
        yield batches.make(step * parts + part, step / options.steps)


class Stream(IterableDataset[Batch]):
    """The same in worker processes, for a GPU that one process can't feed."""

    def __init__(self, folder: Path, options: argparse.Namespace, start: int) -> None:
        self.folder, self.options, self.start = folder, options, start

    def __iter__(self) -> Iterator[Batch]:
        info = torch.utils.data.get_worker_info()
        torch.set_num_threads(1)
        return stream(self.folder, self.options, self.start, info.id, info.num_workers)


def losses(
    model: Whisper, batch: Batch, device: torch.device
) -> tuple[Tensor, Tensor, Tensor, dict[str, float]]:
    """Token, phone and attention loss, and counts for the log."""
    mel = torch.from_numpy(batch.mel).to(device)
    tokens = torch.from_numpy(batch.tokens).to(device)
    targets = torch.from_numpy(batch.targets).to(device)
    phones = torch.from_numpy(batch.phones).to(device)
    spans = torch.from_numpy(batch.spans).to(device)
    with torch.autocast(device.type, torch.bfloat16):
        sound = model.model.encoder(mel, batch.first)
        out, weights = model.model.decoder(tokens, sound)
        at = (targets.flatten() != -100).nonzero()[:, 0]
        at = functional.pad(
            at, (0, -len(at) % 128)
        )  # few shapes: each new one costs the CPU a compilation
        logits = model.logits(out.flatten(0, 1)[at])
        phone_logits = model.phone_head(sound).flatten(0, 1)
    logits, goal = logits.float(), targets.flatten()[at]
    goal[(targets != -100).sum() :] = -100
    # a batch of nothing but silence has no phone, hence nan_to_num
    token_loss = functional.cross_entropy(logits, goal)
    phone_loss = functional.cross_entropy(phone_logits.float(), phones.flatten()).nan_to_num()
    frame = torch.arange(sound.shape[1], device=device)
    guided = (spans[..., 1] > 0) & (spans[..., 0] < len(frame) - 1)
    span = spans[guided]
    inside = (frame >= span[:, :1]) & (frame <= span[:, 1:])
    attention_loss = torch.zeros((), device=device)
    for w in weights:
        log = w[guided].float()
        mass = torch.logsumexp(log.masked_fill(~inside, -1e9), 1) - torch.logsumexp(log, 1)
        attention_loss = attention_loss - mass.mean().nan_to_num() / len(weights)
    text = (goal >= 0) & (goal < bpe.EOT)
    known = phones.flatten() >= 0
    counts = {
        "token": token_loss.item(),
        "phone": phone_loss.item(),
        "attention": attention_loss.item(),
        "accuracy": (logits.argmax(1) == goal)[text].float().mean().item(),
        "frames": (phone_logits.argmax(1) == phones.flatten())[known].float().mean().item(),
    }
    return token_loss, phone_loss, attention_loss, counts


def auxiliary_weight(progress: float) -> float:
    """1 at first, from 0.3 on falling to 0.1 at 0.8."""
    return 1.0 if progress < 0.3 else max(0.1, 1.0 - 0.9 * (progress - 0.3) / 0.5)


def add_up(model: Whisper, processes: int) -> None:
    """Mean of the gradients over the processes."""
    if processes == 1:
        return
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    flat = torch.cat([g.flatten() for g in grads])
    torch.distributed.all_reduce(flat)
    at = 0
    for grad in grads:
        grad.copy_(flat[at : at + grad.numel()].view_as(grad) / processes)
        at += grad.numel()


def train(rank: int, options: argparse.Namespace) -> None:
    """One of `options.processes` on a part of each batch: one meeting a step.

    On two shared CPU cores two processes of one thread are several times quicker than one process
    of two threads, which meet at every operation and wait whenever another program has the core.
    """
    torch.manual_seed(options.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    folder = corpora.work_folder()
    if options.processes > 1:
        torch.set_num_threads(1)
        torch.distributed.init_process_group(
            "gloo", init_method=f"file://{options.meet}", rank=rank, world_size=options.processes
        )
    _, phones = prepare(folder)
    shape = Shape(options.d, options.encoder_layers, options.decoder_layers)
    model = Whisper(shape, bpe.VOCABULARY, len(phones)).to(device)
    average = {k: v.clone() for k, v in model.state_dict().items()}
    decayed = [p for p in model.parameters() if p.requires_grad and p.dim() >= 2]
    plain = [p for p in model.parameters() if p.requires_grad and p.dim() < 2]
    groups = [{"params": decayed, "weight_decay": 0.02}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=options.rate, betas=(0.9, 0.98), fused=True)
    path = folder / f"{options.name}.pt"
    step = 0
    if path.exists():
        saved = torch.load(path, map_location=device, weights_only=False)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        average, step = saved["average"], saved["step"]
    count = sum(p.numel() for p in model.parameters()) - model.phone_head.weight.numel()
    if rank == 0:
        print(f"{count / 1e6:.2f} M parameters, from step {step}", flush=True)
    if device.type == "cpu":
        batches: Iterable[Batch] = stream(folder, options, step, rank, options.processes)
    else:
        workers = max(1, (os.cpu_count() or 2) - 2)
        batches = DataLoader(Stream(folder, options, step), batch_size=None, num_workers=workers)
    logged: list[dict[str, float]] = []
    begin = saved_at = time.monotonic()
    for batch in batches:
        progress = step / options.steps
        rate = options.rate * min(1.0, (step + 1) / 300)
        rate *= 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress))
        for group in optimizer.param_groups:
            group["lr"] = rate
        token_loss, phone_loss, attention_loss, counts = losses(model, batch, device)
        weight = auxiliary_weight(progress)
        loss = token_loss + weight * (phone_loss + attention_loss)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        add_up(model, options.processes)
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        if torch.isfinite(norm):
            optimizer.step()
        step += 1
        stop = step in (options.steps, options.stop_after)
        if rank == 0:
            with torch.no_grad():
                keep = min(0.9985, step / (step + 50))
                for k, v in model.state_dict().items():
                    average[k].lerp_(v, 1 - keep)
            logged.append(counts)
            if step % 50 == 0:
                mean = {k: float(np.nanmean([c[k] for c in logged])) for k in logged[0]}
                each_s = (time.monotonic() - begin) / len(logged)
                row = " ".join(f"{k} {v:.3f}" for k, v in mean.items())
                print(f"step {step} {row} rate {rate:.5f} {each_s:.3f} s/step", flush=True)
                logged, begin = [], time.monotonic()
            if stop or time.monotonic() - saved_at > 180:
                state = {
                    "model": model.state_dict(), "average": average, "step": step, "shape": shape,
                    "optimizer": optimizer.state_dict(), "phones": len(phones),
                }  # fmt: skip
                torch.save(state, path.with_suffix(".tmp"))
                path.with_suffix(".tmp").rename(path)
                saved_at = time.monotonic()
        if stop:
            break


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=100.0, help="sound in one batch")
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--d", type=int, default=256)
    parser.add_argument("--encoder-layers", type=int, default=4)
    parser.add_argument("--decoder-layers", type=int, default=2)
    parser.add_argument("--name", default="checkpoint")
    parser.add_argument("--stop-after", type=int, default=None, help="end at this step")
    cores = 1 if torch.cuda.is_available() else min(4, os.cpu_count() or 1)
    parser.add_argument("--processes", type=int, default=cores)
    options = parser.parse_args()
    prepare(corpora.work_folder())
    if options.processes == 1:
        train(0, options)
        return
    meet = corpora.work_folder().resolve() / "meet"
    meet.unlink(missing_ok=True)
    options.meet = str(meet)
    torch.multiprocessing.start_processes(
        train, (options,), nprocs=options.processes, start_method="spawn"
    )


if __name__ == "__main__":
    main()
