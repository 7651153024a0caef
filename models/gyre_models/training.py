"""One step of training, and the measure that steers it."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from gyre_models.batches import Batch
from gyre_models.llama import Llama
from gyre_models.muon import Muon


@dataclass
class Tally:
    """Right and all answers by number of passages, and whether refusals were right."""

    right: dict[str, int] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)

    def add(self, key: str, right: bool) -> None:
        """Count one answer under a key."""
        self.asked[key] = self.asked.get(key, 0) + 1
        self.right[key] = self.right.get(key, 0) + int(right)

    def shares(self) -> dict[str, float]:
        """Share of right answers by key."""
        return {key: round(self.right[key] / self.asked[key], 3) for key in sorted(self.asked)}


def optimisers(model: Llama, matrix_lr: float, vector_lr: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the layers, Adam for the embedding and the norms' gains."""
    matrices = [p for p in model.model.layers.parameters() if p.ndim == 2]
    embedding = [model.model.embed_tokens.weight]
    gains = [p for p in model.parameters() if p.ndim == 1]
    adam = torch.optim.AdamW(
        [{"params": embedding, "lr": vector_lr}, {"params": gains, "lr": vector_lr / 3}],
        betas=(0.9, 0.98),
        weight_decay=0.0,
        fused=True,
    )
    return [Muon(matrices, lr=matrix_lr, decay=0.01), adam]


def losses(model: Llama, batch: Batch, text_share: float) -> tuple[Tensor, Tensor]:
    """Mean loss over answer tokens, and over a drawn share of the other tokens."""
    states = model(batch.tokens[:, :-1]).flatten(0, 1)
    targets = batch.tokens[:, 1:].flatten()
    answer = batch.answers[:, 1:].flatten() > 0
    on_answers = functional.cross_entropy(model.logits(states[answer]), targets[answer])
    if text_share == 0:
        return on_answers, torch.zeros((), device=on_answers.device)
    drawn = torch.rand(targets.shape, device=targets.device) < text_share
    text = ~answer & (targets > 0) & drawn
    return on_answers, functional.cross_entropy(model.logits(states[text]), targets[text])


@torch.no_grad()
def score(model: Llama, batches: list[Batch]) -> Tally:
    """Exact match, teacher-forced: all argmaxes right is the same as greedy decoding right."""
    tally = Tally()
    for batch in batches:
        states = model(batch.tokens[:, :-1])
        targets, numbers = batch.tokens[:, 1:], batch.answers[:, 1:]
        mask = numbers > 0
        wrong = torch.zeros_like(mask)
        wrong[mask] = model.logits(states[mask]).argmax(-1) != targets[mask]
        for index, row in enumerate(batch.rows):
            missed = set(numbers[index][wrong[index]].tolist())
            for number, passage in enumerate(row.passages, 1):
                kind = f"{row.count}p" if passage else "refusal"
                tally.add(kind, number not in missed)
    return tally


def clip(model: nn.Module, limit: float = 1.0) -> float:
    """Clip the gradient's norm and return what it was."""
    return float(nn.utils.clip_grad_norm_(model.parameters(), limit))
