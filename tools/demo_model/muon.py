"""Muon (Jordan et al. 2024): momentum whose matrices are orthogonalised, for the layers' weights.

Everything that is no matrix of a layer (embeddings, convolutions, biases, norms) stays with AdamW.
The update is scaled as in Liu et al. 2025, "Muon is scalable for LLM training", to the size that
AdamW's has, so that both take one learning rate.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import torch
from torch import Tensor, nn

QUINTIC = (3.4445, -4.7750, 2.0315)
STEPS = 5


def orthogonal(stack: Tensor) -> Tensor:
    """Each matrix of (n, a, b), a <= b, with its singular values brought to about 1."""
    x = stack.bfloat16()
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    a, b, c = QUINTIC
    for _ in range(STEPS):
        gram = x @ x.transpose(1, 2)
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.to(stack.dtype)


def is_hidden(name: str, p: nn.Parameter) -> bool:
    """A matrix of a layer."""
    return p.dim() == 2 and ".layers." in name


class Muon(torch.optim.Optimizer):
    def __init__(
        self, params: list[nn.Parameter], lr: float, momentum: float = 0.95, decay: float = 0.02
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "decay": decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            shapes: dict[tuple[int, int], list[nn.Parameter]] = defaultdict(list)
            for p in group["params"]:
                if p.grad is not None:
                    shapes[min(p.shape), max(p.shape)].append(p)
            for (_, longest), params in shapes.items():
                updates = []
                for p in params:
                    state = self.state[p]
                    if "momentum" not in state:
                        state["momentum"] = torch.zeros_like(p)
                    state["momentum"].lerp_(p.grad, 1 - group["momentum"])
                    update = p.grad.lerp(state["momentum"], group["momentum"])  # Nesterov
                    updates.append(update if p.shape[0] <= p.shape[1] else update.T)
                scale = group["lr"] * 0.2 * longest**0.5
                for p, update in zip(params, orthogonal(torch.stack(updates)), strict=True):
                    p.mul_(1 - group["lr"] * group["decay"])
                    p.add_(update if p.shape[0] <= p.shape[1] else update.T, alpha=-scale)
