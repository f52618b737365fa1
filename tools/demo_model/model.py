"""Whisper's architecture (Radford et al. 2022, section 2.2), small, with Hugging Face's names.

`state_dict()` loads into `WhisperForConditionalGeneration`, but for the phone head, which only
training uses. Written anew for two CPU cores: no masks, no cache, one guided attention head.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class Shape:
    d: int = 192
    encoder_layers: int = 4
    decoder_layers: int = 2
    head_size: int = 64
    mels: int = 80
    positions: int = 1500
    text_positions: int = 448

    @property
    def heads(self) -> int:
        return self.d // self.head_size


def sinusoids(length: int, d: int) -> Tensor:
    """Whisper's fixed positions, shape (length, d)."""
    steps = torch.exp(-math.log(10_000) / (d // 2 - 1) * torch.arange(d // 2))
    angle = torch.arange(length)[:, None] * steps[None]
    return torch.cat([angle.sin(), angle.cos()], dim=1)


class Attention(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.k_proj = nn.Linear(shape.d, shape.d, bias=False)
        self.v_proj = nn.Linear(shape.d, shape.d)
        self.q_proj = nn.Linear(shape.d, shape.d)
        self.out_proj = nn.Linear(shape.d, shape.d)

    def split(self, x: Tensor) -> Tensor:
        return x.view(x.shape[0], x.shape[1], self.heads, -1).transpose(1, 2)

    def forward(self, x: Tensor, other: Tensor, *, causal: bool = False) -> tuple[Tensor, Tensor]:
        """Output (b, s, d), and the log weights of head 0, (b, s, t), lazily cheap: q·k only."""
        q, k, v = self.split(self.q_proj(x)), self.split(self.k_proj(other)), self.v_proj(other)
        v = self.split(v)
        if x.is_cpu and q.shape[2] * k.shape[2] < 600_000:  # quicker than the fused one there
            scores = (q / q.shape[-1] ** 0.5) @ k.transpose(2, 3)
            if causal:
                later = torch.ones(scores.shape[2:], dtype=torch.bool).triu(1)
                scores = scores.masked_fill(later, -1e4)
            out = scores.softmax(-1, dtype=scores.dtype) @ v
        else:
            out = functional.scaled_dot_product_attention(q, k, v, is_causal=causal)
        out = self.out_proj(out.transpose(1, 2).reshape(x.shape))
        if causal or x is other:
            return out, out
        return out, (q[:, 0] @ k[:, 0].transpose(1, 2)) / q.shape[-1] ** 0.5


class EncoderLayer(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.self_attn = Attention(shape)
        self.self_attn_layer_norm = nn.LayerNorm(shape.d)
        self.fc1 = nn.Linear(shape.d, 4 * shape.d)
        self.fc2 = nn.Linear(4 * shape.d, shape.d)
        self.final_layer_norm = nn.LayerNorm(shape.d)

    def feed_forward(self, x: Tensor) -> Tensor:
        return x + self.fc2(functional.gelu(self.fc1(self.final_layer_norm(x))))

    def forward(self, x: Tensor) -> Tensor:
        h = self.self_attn_layer_norm(x)
        return self.feed_forward(x + self.self_attn(h, h)[0])


class DecoderLayer(EncoderLayer):
    def __init__(self, shape: Shape) -> None:
        super().__init__(shape)
        self.encoder_attn = Attention(shape)
        self.encoder_attn_layer_norm = nn.LayerNorm(shape.d)

    def decode(self, x: Tensor, sound: Tensor) -> tuple[Tensor, Tensor]:
        h = self.self_attn_layer_norm(x)
        x = x + self.self_attn(h, h, causal=True)[0]
        out, weights = self.encoder_attn(self.encoder_attn_layer_norm(x), sound)
        return self.feed_forward(x + out), weights


class Encoder(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(shape.mels, shape.d, 3, padding=1)
        self.conv2 = nn.Conv1d(shape.d, shape.d, 3, stride=2, padding=1)
        self.embed_positions = nn.Embedding(shape.positions, shape.d)
        self.layers = nn.ModuleList(EncoderLayer(shape) for _ in range(shape.encoder_layers))
        self.layer_norm = nn.LayerNorm(shape.d)

    def forward(self, mel: Tensor, first: int = 0) -> Tensor:
        """Mel (b, 80, t) to (b, t/2, d). `first`: position of the first frame, at 50 Hz."""
        x = functional.gelu(self.conv2(functional.gelu(self.conv1(mel)))).transpose(1, 2)
        x = x + self.embed_positions.weight[first : first + x.shape[1]]
        for layer in self.layers:
            x = layer(x)
        return self.layer_norm(x)


class Decoder(nn.Module):
    def __init__(self, shape: Shape, vocabulary: int) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(vocabulary, shape.d)
        self.embed_positions = nn.Embedding(shape.text_positions, shape.d)
        self.layers = nn.ModuleList(DecoderLayer(shape) for _ in range(shape.decoder_layers))
        self.layer_norm = nn.LayerNorm(shape.d)

    def forward(self, tokens: Tensor, sound: Tensor) -> tuple[Tensor, list[Tensor]]:
        x = self.embed_tokens(tokens) + self.embed_positions.weight[: tokens.shape[1]]
        weights = []
        for layer in self.layers:
            x, w = layer.decode(x, sound)
            weights.append(w)
        return self.layer_norm(x), weights


class Body(nn.Module):
    def __init__(self, shape: Shape, vocabulary: int) -> None:
        super().__init__()
        self.encoder = Encoder(shape)
        self.decoder = Decoder(shape, vocabulary)


class Whisper(nn.Module):
    def __init__(self, shape: Shape, vocabulary: int, phones: int) -> None:
        super().__init__()
        self.shape = shape
        self.model = Body(shape, vocabulary)
        self.phone_head = nn.Linear(shape.d, phones)
        for name, p in self.named_parameters():
            if "conv" in name and p.dim() == 3:
                nn.init.kaiming_normal_(p)
            elif name.endswith("embed_tokens.weight"):
                nn.init.normal_(p, std=0.05)
            elif "embed_positions" in name:
                table = sinusoids(*p.shape)
                p.data.copy_(table if "encoder" in name else 0.1 * table)
            elif p.dim() == 2:
                nn.init.xavier_uniform_(p)
            elif name.endswith("bias"):
                nn.init.zeros_(p)
        self.model.encoder.embed_positions.weight.requires_grad_(False)

    def logits(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.model.decoder.embed_tokens.weight)
