"""Who asks what, as long as nothing changes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gyre_driftbench.observation import Observation
from gyre_driftbench.pool import Places, Pool, Vectors

Rng: TypeAlias = np.random.Generator
# Which of the known topics the questions are about, and who asks: both of shape (n,).
Traffic: TypeAlias = Callable[["World", Rng, int], tuple[Places, Places]]

BASES = ("clinc150", "banking77", "templates")
KNOWN, NEW = 20, 12  # topics
PERSONS = 300
DOCUMENTS = 6  # passages about each topic
PAST = 2_000  # questions that a detector may learn from
FINANCE = ("banking", "credit_cards")  # what CLINC150 has of BANKING77's subject
GOOD, REFUSED, RATED, PRAISED = 0.92, 0.04, 0.15, 0.9


@dataclass(frozen=True)
class Topic:
    """Questions about one thing.

    Attributes:
        pool: Of which collection.
        name: Of the topic in it.
        found: Places of texts that stand for passages about it.
        early: Places of a third of the others: what is asked in the first half of the past.
        late: Of the next third, for the second half: against the first half it is as new as what
            comes then. Halves of the same texts would be more alike than any later questions.
        live: Of the rest, for what is watched.
    """

    pool: Pool
    name: str
    found: Places
    early: Places
    late: Places
    live: Places

    @property
    def texts(self) -> Places:
        return np.concatenate([self.early, self.late, self.live])


@dataclass(frozen=True)
class World:
    """One seed's topics, people and documents.

    Attributes:
        known: Topics of the usual questions.
        new: Topics that nobody has asked about.
        shares: Of the known topics, summing to 1.
        habits: How much each person asks, summing to 1.
        documents: What search finds passages in, shape (m, d).
        about: For each document, the place of its topic; those of `new` come after the known.
        pools: All collections.
        encoder: Of all vectors.
    """

    known: tuple[Topic, ...]
    new: tuple[Topic, ...]
    shares: NDArray[np.float64]
    habits: NDArray[np.float64]
    documents: Vectors
    about: Places
    pools: dict[str, Pool] = field(repr=False)
    encoder: str = ""

    @classmethod
    def draw(cls, pools: dict[str, Pool], encoder: str, seed: int, base: str = "") -> "World":
        """Draw a world; seeds go through the collections in turn."""
        rng = np.random.default_rng(seed)
        base = base or BASES[seed % len(BASES)]
        names, others = _names(pools, base, rng)
        known = tuple(_topic(pools[base], name, rng) for name in names)
        new = tuple(_topic(pools["clinc150"], name, rng) for name in others)
        parts = [topic.pool.vectors[topic.found] for topic in (*known, *new)]
        return cls(
            known=known,
            new=new,
            shares=rng.dirichlet(np.full(len(known), 1.5)),
            habits=_habits(),
            documents=np.concatenate(parts),
            about=np.repeat(np.arange(len(parts)), [len(part) for part in parts]),
            pools=pools,
            encoder=encoder,
        )

    def without(self, lost: Places) -> "World":
        """Return the world with nothing to be found about some of its topics."""
        kept = ~np.isin(self.about, lost)
        return replace(self, documents=self.documents[kept], about=self.about[kept])

    def about_known(
        self, rng: Rng, topics: Places, persons: Places, third: str = "live"
    ) -> list[Observation]:
        """Return questions about known topics."""
        return [
            self.ask(rng, topic.pool, int(rng.choice(getattr(topic, third))), int(person))
            for topic, person in zip((self.known[place] for place in topics), persons, strict=True)
        ]

    def past(self, rng: Rng, topics: Places, persons: Places) -> list[Observation]:
        """Return what a detector learns from: two halves, which have no text in common."""
        half = len(topics) // 2
        return [
            *self.about_known(rng, topics[:half], persons[:half], "early"),
            *self.about_known(rng, topics[half:], persons[half:], "late"),
        ]

    def about_new(self, rng: Rng, count: int) -> list[Observation]:
        """Return questions about topics that nobody has asked about."""
        texts = [topic.texts for topic in self.new]
        return [
            self.ask(rng, self.new[place].pool, int(rng.choice(texts[place])), self.somebody(rng))
            for place in rng.integers(len(self.new), size=count)
        ]

    def somebody(self, rng: Rng) -> int:
        return int(rng.choice(len(self.habits), p=self.habits))

    def ask(self, rng: Rng, pool: Pool, place: int, person: int, **other: Any) -> Observation:
        """Return one question, with what becomes of it as long as all is well."""
        vector = pool.vectors[place]
        first, second = np.sort(self.documents @ vector)[[-1, -2]]
        refused = rng.random() < REFUSED
        good = rng.random() < GOOD
        fields: dict[str, Any] = {
            "vector": vector,
            "text": str(pool.texts[place]),
            "person": f"p{person}",
            "encoder": self.encoder,
            "top_score": float(first),
            "margin": float(first - second),
            "injection": float(pool.injection[place]),
            "quality": 0.0
            if refused
            else float(rng.uniform(0.75, 1) if good else rng.uniform(0, 0.6)),
            "refused": bool(refused),
            "thumb": thumb(rng, PRAISED),
            "latency_s": float(rng.lognormal(0, 0.4)),
        }
        return Observation(**fields | other)


def thumb(rng: Rng, praised: float) -> int:
    """Return what is said of an answer, mostly nothing."""
    if rng.random() >= RATED:
        return 0
    return 1 if rng.random() < praised else -1


def independent(world: World, rng: Rng, count: int) -> tuple[Places, Places]:
    """Draw each question by itself."""
    topics = rng.choice(len(world.known), size=count, p=world.shares)
    return topics, rng.choice(len(world.habits), size=count, p=world.habits)


def usual(
    world: World, rng: Rng, events: int, traffic: Traffic = independent
) -> tuple[list[Observation], list[Observation]]:
    """Return what a detector learns from, and what it watches, if nothing changed."""
    topics, persons = traffic(world, rng, PAST + events)
    return (
        world.past(rng, topics[:PAST], persons[:PAST]),
        world.about_known(rng, topics[PAST:], persons[PAST:]),
    )


def _names(pools: dict[str, Pool], base: str, rng: Rng) -> tuple[list[str], list[str]]:
    """Return the names of the known topics, and those of new ones, which are of other domains."""
    clinc = np.unique(pools["clinc150"].topics)
    domains = rng.permutation(np.unique([name.split("/")[0] for name in clinc]))
    if base == "clinc150":
        mine, rest = set(domains[:4]), set(domains[4:])
        known = [name for name in clinc if name.split("/")[0] in mine]
    else:
        rest = set(domains) - set(FINANCE)
        known = list(np.unique(pools[base].topics))
    new = [name for name in clinc if name.split("/")[0] in rest]
    return _drawn(known, KNOWN, rng), _drawn(new, NEW, rng)


def _drawn(names: Sequence[str], count: int, rng: Rng) -> list[str]:
    return [str(name) for name in rng.permutation(np.array(names))[:count]]


def _topic(pool: Pool, name: str, rng: Rng) -> Topic:
    places = rng.permutation(np.flatnonzero(pool.topics == name))
    found, rest = places[:DOCUMENTS], places[DOCUMENTS:]
    return Topic(pool, name, found, *np.array_split(rest, 3))


def _habits() -> NDArray[np.float64]:
    """Return how much each person asks: a few much, most little (Zipf)."""
    weights: NDArray[np.float64] = 1 / (np.arange(PERSONS) + 10.0)
    weights /= weights.sum()
    return weights
