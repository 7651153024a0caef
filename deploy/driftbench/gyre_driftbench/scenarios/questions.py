"""Other things are asked, or otherwise."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gyre_driftbench.observation import Cause, Stream
from gyre_driftbench.pool import Places, Pool
from gyre_driftbench.scenarios import CHANGE, scenario
from gyre_driftbench.world import Rng, World, independent, usual

Shares: TypeAlias = NDArray[np.floating[Any]]

GRADUAL = 1_000
TURN = 500
ROTATION = np.pi / 3


def replaced(
    world: World,
    rng: Rng,
    events: int,
    share: Callable[[Places], Shares],
    changes: tuple[int, ...] = (CHANGE,),
    causes: frozenset[Cause] = frozenset({"input"}),
) -> Stream:
    """Have a share of the questions, which depends on their places, be about new topics."""
    past, live = usual(world, rng, events)
    places = np.flatnonzero(rng.random(events) < share(np.arange(events)))
    for place, new in zip(places, world.about_new(rng, len(places)), strict=True):
        live[place] = new
    return Stream(past, live, changes, causes)


@scenario()
def abrupt_switch(world: World, rng: Rng, events: int) -> Stream:
    return replaced(world, rng, events, lambda places: (places >= CHANGE) * 1.0)


@scenario()
def partial_20(world: World, rng: Rng, events: int) -> Stream:
    return replaced(world, rng, events, lambda places: (places >= CHANGE) * 0.2)


@scenario()
def partial_10(world: World, rng: Rng, events: int) -> Stream:
    return replaced(world, rng, events, lambda places: (places >= CHANGE) * 0.1)


@scenario()
def partial_50(world: World, rng: Rng, events: int) -> Stream:
    return replaced(world, rng, events, lambda places: (places >= CHANGE) * 0.5)


@scenario()
def partial_5(world: World, rng: Rng, events: int) -> Stream:
    return replaced(world, rng, events, lambda places: (places >= CHANGE) * 0.05)


@scenario()
def gradual_1000(world: World, rng: Rng, events: int) -> Stream:
    return replaced(world, rng, events, lambda places: np.clip((places - CHANGE) / GRADUAL, 0, 1))


@scenario()
def recurring_500(world: World, rng: Rng, events: int) -> Stream:
    """Have new questions come and go; that they go is no change that anybody is wanted to see."""
    turns = tuple(range(CHANGE, events, 2 * TURN))

    def share(places: Places) -> Shares:
        found: Shares = (places >= CHANGE) * ((places - CHANGE) // TURN % 2 == 0) * 1.0
        return found

    return replaced(world, rng, events, share, turns)


@scenario()
def label_shift(world: World, rng: Rng, events: int) -> Stream:
    """Have three topics that few asked about be what most ask about."""
    past, live = usual(world, rng, events)
    shares = world.shares * 0.4
    shares[np.argsort(world.shares)[:3]] += 0.2
    after = replace(world, shares=shares / shares.sum())
    topics, persons = independent(after, rng, events - CHANGE)
    live[CHANGE:] = world.about_known(rng, topics, persons)
    return Stream(past, live, (CHANGE,), frozenset({"mix"}))


@scenario(base="templates")
def new_vocabulary(world: World, rng: Rng, events: int) -> Stream:
    """Have the same things be asked of things whose names nobody has heard."""
    return _otherwise(world, rng, events, world.pools["new-words"], "")


@scenario()
def length_shift(world: World, rng: Rng, events: int) -> Stream:
    """Have a story stand in front of each question."""
    base = next(name for name, pool in world.pools.items() if pool is world.known[0].pool)
    return _otherwise(
        world, rng, events, world.pools["long"], f"{base}:", frozenset({"input", "operations"})
    )


def _otherwise(
    world: World,
    rng: Rng,
    events: int,
    pool: Pool,
    prefix: str,
    causes: frozenset[Cause] = frozenset({"input"}),
) -> Stream:
    """Have the known topics be asked about with the texts of another collection."""
    past, live = usual(world, rng, events)
    places = [np.flatnonzero(pool.topics == prefix + topic.name) for topic in world.known]
    there = np.array([len(mine) > 0 for mine in places])
    shares = world.shares * there
    topics = rng.choice(len(places), size=events - CHANGE, p=shares / shares.sum())
    texts = [_endlessly(rng, mine) for mine in places]
    for event, topic in enumerate(topics, CHANGE):
        live[event] = world.ask(rng, pool, next(texts[topic]), world.somebody(rng))
    return Stream(past, live, (CHANGE,), causes)


def _endlessly(rng: Rng, places: Places) -> Iterator[int]:
    """Yield all places, then all again: a pool is small, and people do not copy each other."""
    while True:
        yield from (int(place) for place in rng.permutation(places))


@scenario()
def language_switch(world: World, rng: Rng, events: int) -> Stream:
    """Have half of the people speak German."""
    past, live = usual(world, rng, events)
    pool = world.pools["german"]
    for event in CHANGE + np.flatnonzero(rng.random(events - CHANGE) < 0.5):
        place = int(rng.integers(len(pool.texts)))
        live[event] = world.ask(rng, pool, place, world.somebody(rng))
    return Stream(past, live, (CHANGE,), frozenset({"input"}))


@scenario()
def incremental_rotation(world: World, rng: Rng, events: int) -> Stream:
    """Have all vectors turn slowly, each towards one that is orthogonal to it."""
    past, live = usual(world, rng, events)
    basis, _ = np.linalg.qr(rng.normal(size=(len(live[0].vector),) * 2))
    half = len(basis) // 2
    for event in range(CHANGE, events):
        inside = basis.T @ live[event].vector
        turned = basis @ np.concatenate([-inside[half:], inside[:half]])
        angle = ROTATION * min(1.0, (event - CHANGE) / GRADUAL)
        vector = np.cos(angle) * live[event].vector + np.sin(angle) * turned
        live[event] = replace(live[event], vector=vector.astype(np.float32))
    return Stream(past, live, (CHANGE,), frozenset({"input"}))
