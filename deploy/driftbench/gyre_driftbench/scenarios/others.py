"""Something else than the questions changes, or somebody does harm."""

from dataclasses import replace

import numpy as np

from gyre_driftbench.observation import Observation, Stream
from gyre_driftbench.scenarios import CHANGE, scenario
from gyre_driftbench.world import REFUSED, Rng, World, independent, thumb, usual

BURST = 60
HEAVY = 0.4
BAD = 0.5  # of the answers


@scenario(compared=False)
def injection_burst_60(world: World, rng: Rng, events: int) -> Stream:
    """Have two people send 60 attacks of one kind, between the questions of all others.

    They are worded as the platform's own patterns have them.
    """
    return _burst(world, rng, events, "attack/")


@scenario()
def injection_unseen_60(world: World, rng: Rng, events: int) -> Stream:
    """Have the same be worded as no pattern has it: it can be seen in the vectors alone."""
    return _burst(world, rng, events, "unseen/")


def _burst(world: World, rng: Rng, events: int, prefix: str) -> Stream:
    past, live = usual(world, rng, events)
    pool = world.pools["attacks"]
    kind = rng.choice([name for name in np.unique(pool.topics) if name.startswith(prefix)])
    mine = np.flatnonzero(pool.topics == kind)
    for number in range(BURST):
        place = int(rng.choice(mine))
        live[CHANGE + 2 * number] = world.ask(rng, pool, place, int(rng.integers(2)))
    return Stream(past, live, (CHANGE,), frozenset({"attack"}))


@scenario(compared=False)
def heavy_user_40(world: World, rng: Rng, events: int) -> Stream:
    """Have one person ask four questions in ten, about whatever all ask about."""
    past, live = usual(world, rng, events)
    for event in CHANGE + np.flatnonzero(rng.random(events - CHANGE) < HEAVY):
        live[event] = replace(live[event], person="p0")
    return Stream(past, live, (CHANGE,), frozenset({"attack"}))


@scenario(compared=False)
def quality_only(world: World, rng: Rng, events: int) -> Stream:
    """Have half of the answers be bad, while the same is asked."""
    past, live = usual(world, rng, events)
    for event in range(CHANGE, events):
        live[event] = _worse(live[event], rng)
    return Stream(past, live, (CHANGE,), frozenset({"quality"}))


def _worse(seen: Observation, rng: Rng) -> Observation:
    refused = bool(rng.random() < 4 * REFUSED)
    bad = rng.random() < BAD
    quality = 0.0 if refused else float(rng.uniform(0, 0.6) if bad else rng.uniform(0.75, 1))
    return replace(seen, quality=quality, refused=refused, thumb=thumb(rng, BAD))


@scenario(compared=False)
def documents_removed(world: World, rng: Rng, events: int) -> Stream:
    """Have nothing be found any more about half of what is asked."""
    past, live = usual(world, rng, events)
    lost = rng.permutation(len(world.known))[: len(world.known) // 2]
    topics, persons = independent(world, rng, events - CHANGE)
    after = world.without(lost)
    live[CHANGE:] = after.about_known(rng, topics, persons)
    return Stream(past, live, (CHANGE,), frozenset({"knowledge"}))


@scenario(compared=False)
def encoder_swap(world: World, rng: Rng, events: int) -> Stream:
    """Have the vectors be of another encoder, which says so: that is no drift."""
    past, live = usual(world, rng, events)
    turn, _ = np.linalg.qr(rng.normal(size=(len(live[0].vector),) * 2))
    for event in range(CHANGE, events):
        vector = (turn @ live[event].vector).astype(np.float32)
        live[event] = replace(live[event], vector=vector, encoder="another")
    return Stream(past, live, (CHANGE,), frozenset({"encoder"}))
