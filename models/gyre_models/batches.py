"""Scenes as rows of tokens: the passages once, then question after question with its answer."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from gyre_models.facts import Generator, Scene, Style
from gyre_models.tokenizer import ANSWER, BEGIN, END


@dataclass(frozen=True)
class Row:
    """Tokens, and for each the number of the answer it belongs to (0: text, not an answer)."""

    tokens: list[int]
    answers: list[int]
    passages: list[int]
    count: int


@dataclass(frozen=True)
class Batch:
    """Padded rows: `tokens` and `answers` are (rows, length)."""

    tokens: Tensor
    answers: Tensor
    rows: list[Row]

    def to(self, device: str) -> Batch:
        """Return the batch in the memory of a device."""
        return Batch(self.tokens.to(device), self.answers.to(device), self.rows)


class Encoder:
    """Turns scenes into rows exactly as the chat template would."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._begin, self._end, self._answer = map(self.id_of, (BEGIN, END, ANSWER))

    def row(self, scene: Scene, blank: str = "\n") -> Row:
        """Encode one scene; `blank` stands between the passages and the question."""
        tokens = [self._begin, *self._encode(scene.context() + blank)[:900]]
        answers = [0] * len(tokens)
        for number, question in enumerate(scene.questions, 1):
            text = [*self._encode(f"Question: {question.text}"), self._answer]
            answer = [*self._encode(question.answer), self._end]
            tokens += text + answer
            answers += [0] * len(text) + [number] * len(answer)
        held = [question.passage for question in scene.questions]
        return Row(tokens, answers, held, len(scene.passages))

    def id_of(self, token: str) -> int:
        """The id of a token in its byte-level spelling."""
        found: int | None = self._tokenizer.token_to_id(token)
        if found is None:
            message = f"the vocabulary has no token {token!r}"
            raise KeyError(message)
        return found

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids


def pad(rows: list[Row]) -> Batch:
    """Stack rows, padded on the right with zeros (the padding token's id)."""
    length = max(len(row.tokens) for row in rows)
    tokens = torch.zeros(len(rows), length, dtype=torch.long)
    answers = torch.zeros(len(rows), length, dtype=torch.long)
    for index, row in enumerate(rows):
        tokens[index, : len(row.tokens)] = torch.tensor(row.tokens)
        answers[index, : len(row.answers)] = torch.tensor(row.answers)
    return Batch(tokens, answers, rows)


def stream(
    encoder: Encoder, generator: Generator, tokens_per_batch: int, seed: int
) -> Iterator[Batch]:
    """Endless batches of about so many tokens; rows of like length go together."""
    rng = random.Random(seed)
    while True:
        rows: list[Row] = []
        while sum(len(row.tokens) for row in rows) < 16 * tokens_per_batch:
            scene = generator.scene()
            rows.append(encoder.row(scene, "\n" if scene.passages or rng.random() < 0.5 else ""))
        rows.sort(key=lambda row: len(row.tokens))
        batches: list[list[Row]] = [[]]
        for row in rows:
            if batches[-1] and (len(batches[-1]) + 1) * len(row.tokens) > tokens_per_batch:
                batches.append([])
            batches[-1].append(row)
        rng.shuffle(batches)
        for batch in batches:
            yield pad(batch)


class Drawn(IterableDataset[tuple[Tensor, Tensor]]):
    """Training's batches, as (tokens, answers); each worker draws scenes of its own.

    Args:
        tokenizer: Of the model.
        style: Of the scenes.
        tokens_per_batch: About so many.
        seed: The same seed and number of workers draw the same.
    """

    def __init__(self, tokenizer: Tokenizer, style: Style, tokens_per_batch: int, seed: int):
        super().__init__()
        self._encoder = Encoder(tokenizer)
        self._style, self._size, self._seed = style, tokens_per_batch, seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        worker = get_worker_info()
        seed = self._seed + (worker.id if worker else 0)
        for batch in stream(self._encoder, Generator(seed, "train", self._style), self._size, seed):
            yield batch.tokens, batch.answers

    def batches(self, workers: int, device: str) -> Iterator[Batch]:
        """Yield endless batches on a device, drawn by so many processes; 0: by this one."""
        loader = DataLoader(self, batch_size=None, num_workers=workers)
        for tokens, answers in loader:
            yield Batch(tokens, answers, []).to(device)


def count_tokens(encoder: Encoder, generator: Generator, size: int, scenes: int = 4000) -> Tensor:
    """How often each of `size` tokens occurs in generated text."""
    counts = torch.zeros(size)
    for _ in range(scenes):
        ids = torch.tensor(encoder.row(generator.scene()).tokens)
        counts += torch.bincount(ids, minlength=size)
    return counts
