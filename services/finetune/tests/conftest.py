"""A model so small that a real training takes seconds, and datasets in a real blob folder."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import torch
from sqlmodel import col, select
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from gyre_events import TOPICS, Base, Dataset, DatasetFrozen, Event, RetrainingRequested
from gyre_events.policy import TrainingPolicy
from gyre_finetune.settings import Settings
from gyre_service.blobs import Blobs
from gyre_service.database import Sessions, open_database, snapshot
from gyre_service.kafka.outbox import Outbox

DIGEST = "a" * 64
TEMPLATE = "{{ bos_token }}{% for m in messages %}{{ m['content'] }}{% endfor %}"


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a Llama with two layers that reads bytes."""
    place = tmp_path_factory.mktemp("tiny")
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: id for id, token in enumerate(["<pad>", "<s>", "</s>", *alphabet])}
    core = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=core, bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(place)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
    )
    model: Any = LlamaForCausalLM(config)  # type: ignore[no-untyped-call]
    model.save_pretrained(place)
    return place


@pytest.fixture
def settings(tmp_path: Path, tiny: Path) -> Settings:
    return Settings(
        home=tmp_path,
        model_name="tiny",
        model_path=tiny,
        model_digest=DIGEST,
        checkpoint_steps=2,
        lease_s=2,
    )


@pytest.fixture
async def sessions(settings: Settings) -> AsyncIterator[Sessions]:
    async with open_database(settings.database_url.get_secret_value()) as sessions:
        yield sessions


def requested(job_id: UUID | None = None, **training: Any) -> RetrainingRequested:
    policy = {"max_steps": 6, "batch_examples": 4, "rank": 4, "learning_rate": 1e-2} | training
    return RetrainingRequested(
        job_id=job_id or uuid4(),
        route="default",
        reason="the test wants it",
        base=Base(name="tiny", digest=DIGEST),
        training=TrainingPolicy(**policy),
        since=datetime(2026, 1, 1, tzinfo=UTC),
        data_deadline=datetime(2026, 1, 8, tzinfo=UTC),
        decided_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


async def dataset(settings: Settings, examples: int, replayed: int = 0) -> dict[str, Dataset]:
    """Put examples, as feedback does, into the blob folder."""
    blobs = Blobs(settings.blob_url)

    async def manifest(count: int, answer: str) -> Dataset:
        rows = []
        for number in range(count):
            content = {
                "question": f"What is {number}?",
                "passages": [{"text": f"It is {number}."}],
                "answer": answer,
            }
            digest = await blobs.put(json.dumps(content).encode())
            rows.append({"id": str(UUID(int=number)), "digest": digest})
        digest = await blobs.put(json.dumps({"route": "default", "examples": rows}).encode())
        return Dataset(digest=digest, examples=count)

    return {
        "train": await manifest(examples, "new"),
        # Nothing but the digest: whoever reads it would fail.
        "holdout": Dataset(digest="f" * 64, examples=3),
        "replay": await manifest(replayed, "old"),
    }


def frozen(job_id: UUID, parts: dict[str, Dataset]) -> DatasetFrozen:
    return DatasetFrozen(
        job_id=job_id,
        route="default",
        decided_at=datetime(2026, 1, 2, tzinfo=UTC),
        **parts,
    )


async def published(sessions: Sessions) -> list[tuple[str, str, Event]]:
    """Return tenant, id and event of what waits in the outbox, in order."""
    async with snapshot(sessions) as session:
        rows = (await session.exec(select(Outbox).order_by(col(Outbox.position)))).all()
    return [
        (row.headers["ce_tenant"], str(row.id), TOPICS[row.topic].model_validate_json(row.body))
        for row in rows
    ]
