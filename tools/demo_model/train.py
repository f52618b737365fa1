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
from muon import Muon, is_hidden
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
    folder: Path, options: argparse.Namespace, first: int, start: int, part: int, parts: int
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
        yield batches.make(step * parts + part, progress(step, first, options.steps))


class Stream(IterableDataset[Batch]):
    """The same in worker processes, for a GPU that one process can't feed."""

    def __init__(self, folder: Path, options: argparse.Namespace, first: int, start: int) -> None:
        self.folder, self.options, self.first, self.start = folder, options, first, start

    def __iter__(self) -> Iterator[Batch]:
        info = torch.utils.data.get_worker_info()
        torch.set_num_threads(1)
        return stream(self.folder, self.options, self.first, self.start, info.id, info.num_workers)


def token_weights(device: torch.device) -> Tensor:
    """Times count a quarter: no two of them sound different, so their loss stays high and noisy."""
    weights = torch.ones(bpe.VOCABULARY, device=device)
    weights[bpe.TIME0 :] = 0.25
    return weights


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
    token_loss = functional.cross_entropy(logits, goal, weight=token_weights(device))
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


def rate_factor(steps_here: int, done: float) -> float:
    """Share of the highest rate: 200 steps of warm-up, a cosine down to 0.02 at `done` 1."""
    warm = min(1.0, (steps_here + 1) / 200)
    return warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))


def progress(step: int, first: int, last: int) -> float:
    """0..1 of the curriculum; a restart stays near its end."""
    return 0.75 if first else step / last


def auxiliary_weight(progress: float) -> float:
    """1 at first, from 0.3 on falling to 0.2 at 0.7."""
    return 1.0 if progress < 0.3 else max(0.2, 1.0 - 0.8 * (progress - 0.3) / 0.4)


def all_mean(tensors: list[Tensor], processes: int) -> None:
    """Set each tensor to its mean over the processes."""
    if processes == 1:
        return
    flat = torch.cat([t.detach().flatten() for t in tensors])
    torch.distributed.all_reduce(flat)
    at = 0
    for tensor in tensors:
        tensor.detach().copy_(flat[at : at + tensor.numel()].view_as(tensor) / processes)
        at += tensor.numel()


def optimizers(model: Whisper, rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the layers' matrices, AdamW for the rest."""
    named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    hidden = [p for n, p in named if is_hidden(n, p)]
    rest = [p for n, p in named if not is_hidden(n, p)]
    decayed = {"params": [p for p in rest if p.dim() >= 2], "weight_decay": 0.02}
    plain = {"params": [p for p in rest if p.dim() < 2], "weight_decay": 0.0}
    adam = torch.optim.AdamW([decayed, plain], lr=rate, betas=(0.9, 0.98), fused=True)
    return [Muon(hidden, rate), adam]


def train(rank: int, options: argparse.Namespace) -> None:
    """One of `options.processes`, each on batches of its own; every few steps they meet.

    They then take the mean of their weights (local SGD): were it of gradients at every step, on
    shared CPU cores all would wait for the one that another program holds up. Two processes of one
    thread are in turn several times quicker than one of two threads, which meet at every operation.
    """
    torch.manual_seed(options.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    folder = corpora.work_folder()
    processes = options.processes
    if processes > 1:
        torch.set_num_threads(1)
        torch.distributed.init_process_group(
            "gloo", init_method=f"file://{options.meet}", rank=rank, world_size=processes
        )
    _, phones = prepare(folder)
    shape = Shape(options.d, options.encoder_layers, options.decoder_layers)
    model = Whisper(shape, bpe.VOCABULARY, len(phones)).to(device)
    average = {k: v.clone() for k, v in model.state_dict().items()}
    weights = [p for p in model.parameters() if p.requires_grad]
    both = optimizers(model, options.rate)
    path = folder / f"{options.name}.pt"
    step = first = 0
    minutes = 0.0
    if path.exists():
        saved = torch.load(path, map_location=device, weights_only=False)
        model.load_state_dict(saved["model"])
        average, step = saved["average"], saved["step"]
        if options.restart:
            model.load_state_dict(average)
            first = step
        else:
            first, minutes = saved["first"], saved["minutes"]
            for optimizer, state in zip(both, saved["optimizers"], strict=True):
                optimizer.load_state_dict(state)
    count = sum(p.numel() for p in model.parameters()) - model.phone_head.weight.numel()
    if rank == 0:
        print(f"{count / 1e6:.2f} M parameters, from step {step}", flush=True)
    if device.type == "cpu":
        batches: Iterable[Batch] = stream(folder, options, first, step, rank, processes)
    else:
        workers = max(1, (os.cpu_count() or 2) - 2)
        data = Stream(folder, options, first, step)
        batches = DataLoader(data, batch_size=None, num_workers=workers)
    logged: list[dict[str, float]] = []
    begin = saved_at = logged_at = time.monotonic()
    for batch in batches:
        done = (step - first) / (options.steps - first)
        spent = minutes + (time.monotonic() - begin) / 60
        if options.minutes:
            done = max(done, spent / options.minutes)
        rate = options.rate * rate_factor(step - first, done)
        for optimizer in both:
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.zero_grad(set_to_none=True)
        token_loss, phone_loss, attention_loss, counts = losses(model, batch, device)
        weight = auxiliary_weight(progress(step, first, options.steps))
        loss = token_loss + weight * (phone_loss + attention_loss)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(weights, 1.0)
        if torch.isfinite(norm):
            for optimizer in both:
                optimizer.step()
        step += 1
        logged.append(counts)
        if step % options.meet_every and step not in (options.steps, options.stop_after):
            continue
        clock = torch.tensor([spent])
        all_mean([*weights, clock], processes)
        over = bool(options.minutes) and clock.item() >= options.minutes
        stop = over or step in (options.steps, options.stop_after)
        if rank == 0:
            with torch.no_grad():
                keep = min(0.9985**options.meet_every, (step - first) / (step - first + 50))
                for k, v in model.state_dict().items():
                    average[k].lerp_(v, 1 - keep)
            if step % 50 == 0:
                mean = {k: float(np.nanmean([c[k] for c in logged])) for k in logged[0]}
                each_s = (time.monotonic() - logged_at) / len(logged)
                row = " ".join(f"{k} {v:.3f}" for k, v in mean.items())
                print(
                    f"step {step} {row} rate {rate:.5f} {each_s:.3f} s/step {spent:.1f} min",
                    flush=True,
                )
                logged, logged_at = [], time.monotonic()
            if stop or time.monotonic() - saved_at > 180:
                state = {
                    "model": model.state_dict(), "average": average, "step": step, "shape": shape,
                    "optimizers": [o.state_dict() for o in both], "phones": len(phones),
                    "first": first, "minutes": spent,
                }  # fmt: skip
                torch.save(state, path.with_suffix(".tmp"))
                path.with_suffix(".tmp").rename(path)
                saved_at = time.monotonic()
        if stop:
            break


def main() -> None:
    gpu = torch.cuda.is_available()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--steps",
        type=int,
        default=40_000 if gpu else 20_000,
        help="end at this step of all; with --restart name one beyond the checkpoint's",
    )
    parser.add_argument(
        "--minutes", type=float, default=0.0, help="end after this time; the rate falls with it"
    )
    parser.add_argument(
        "--restart", action="store_true", help="begin a new schedule at the checkpoint's average"
    )
    parser.add_argument("--seconds", type=float, default=400 if gpu else 80, help="in one batch")
    parser.add_argument("--rate", type=float, default=1.0e-3, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--d", type=int, default=256 if gpu else 192, help="width")
    parser.add_argument("--encoder-layers", type=int, default=4)
    parser.add_argument("--decoder-layers", type=int, default=2)
    parser.add_argument("--name", default="checkpoint")
    parser.add_argument("--stop-after", type=int, default=None, help="end at this step")
    parser.add_argument("--meet-every", type=int, default=10, help="steps between means of weights")
    cores = 1 if gpu else min(4, os.cpu_count() or 1)
    parser.add_argument("--processes", type=int, default=cores)
    options = parser.parse_args()
    prepare(corpora.work_folder())
    if options.processes == 1:
        train(0, options)
        return
    meet = corpora.work_folder().resolve() / f"meet-{options.name}"
    meet.unlink(missing_ok=True)
    options.meet = str(meet)
    torch.multiprocessing.start_processes(
        train, (options,), nprocs=options.processes, start_method="spawn"
    )


if __name__ == "__main__":
    main()
