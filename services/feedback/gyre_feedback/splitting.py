"""Splits examples so that what is measured cannot have been learned by heart. No I/O.

No conversation and no document stands on both sides: questions of one conversation resemble
each other, and two questions about one document have the same answer.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID


@dataclass(frozen=True)
class Sample:
    """What the split needs to know of an example.

    Attributes:
        id: Of the example.
        conversation: In which the question was asked.
        documents: That the answer rests on.
    """

    id: UUID
    conversation: str
    documents: tuple[str, ...]


@dataclass(frozen=True)
class Split:
    """Ids in a stable order. `left_out` would stand on both sides."""

    train: tuple[UUID, ...]
    holdout: tuple[UUID, ...]
    left_out: tuple[UUID, ...] = ()


def split(samples: Sequence[Sample], share: float, salt: str) -> Split:
    """Split by connected components of conversations and documents, drawn by a hash.

    Where one component is nearly all there is, documents are drawn instead, and of every
    conversation that has both kinds the smaller part is left out.

    Args:
        samples: In any order: the result is the same.
        share: Of the examples, for the holdout.
        salt: Another salt draws another split.
    """
    wanted = max(1, round(share * len(samples)))
    held: set[UUID] = set()
    for component in sorted(_components(samples), key=lambda one: _rank(salt, min(map(str, one)))):
        if len(held) + len(component) <= wanted:
            held |= component
    if 2 * len(held) >= wanted:
        return _sides(samples, held, set())
    return _cut(samples, wanted, salt)


def _cut(samples: Sequence[Sample], wanted: int, salt: str) -> Split:
    uses = Counter(name for sample in samples for name in sample.documents)
    drawn: set[str] = set()
    count = 0
    for name in sorted(uses, key=lambda one: _rank(salt, one)):
        if count >= wanted:
            break
        if count + uses[name] > 2 * wanted:
            continue  # it would take most of what there is to learn
        drawn.add(name)
        count += uses[name]
    kinds = {sample.id: {name in drawn for name in sample.documents} for sample in samples}
    of: dict[str, Counter[bool]] = defaultdict(Counter)
    for sample in samples:
        for kind in kinds[sample.id]:
            of[sample.conversation][kind] += 1
    side = {name: counted[True] > counted[False] for name, counted in of.items()}
    left_out = {
        sample.id
        for sample in samples
        if not kinds[sample.id] <= {side.get(sample.conversation, False)}
    }
    held = {sample.id for sample in samples if side.get(sample.conversation)} - left_out
    return _sides(samples, held, left_out)


def _sides(samples: Iterable[Sample], held: set[UUID], left_out: set[UUID]) -> Split:
    ids = sorted((sample.id for sample in samples), key=str)
    return Split(
        tuple(id for id in ids if id not in held | left_out),
        tuple(id for id in ids if id in held),
        tuple(id for id in ids if id in left_out),
    )


def _components(samples: Iterable[Sample]) -> list[set[UUID]]:
    """Return the ids of each connected component (union-find)."""
    parent: dict[str, str] = {}

    def root(node: str) -> str:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    samples = list(samples)
    for sample in samples:
        for name in sample.documents:
            parent[root(f"document {name}")] = root(f"conversation {sample.conversation}")
    found: dict[str, set[UUID]] = defaultdict(set)
    for sample in samples:
        found[root(f"conversation {sample.conversation}")].add(sample.id)
    return list(found.values())


def apart(samples: Iterable[Sample], others: Iterable[Sample]) -> list[Sample]:
    """Return the samples that share no conversation and no document with any of `others`."""
    others = list(others)
    conversations = {other.conversation for other in others}
    documents = {name for other in others for name in other.documents}
    return [
        sample
        for sample in samples
        if sample.conversation not in conversations and documents.isdisjoint(sample.documents)
    ]


def spread(documents: Mapping[UUID, str], most: int, limit: int) -> list[UUID]:
    """Choose what is replayed: at most `most` a document and `limit` in all, drawn by a hash."""
    taken: Counter[str] = Counter()
    chosen: list[UUID] = []
    for id in sorted(documents, key=lambda one: _rank("replay", str(one))):
        if taken[documents[id]] < most and len(chosen) < limit:
            taken[documents[id]] += 1
            chosen.append(id)
    return chosen


def _rank(salt: str, name: str) -> str:
    return sha256(f"{salt}/{name}".encode()).hexdigest()
