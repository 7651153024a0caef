"""Nothing happens: whatever is raised is false."""

import numpy as np

from gyre_driftbench.observation import Stream
from gyre_driftbench.pool import Places
from gyre_driftbench.scenarios import scenario
from gyre_driftbench.world import Rng, World, independent, usual

DAY = 500  # questions
SWING = 0.8  # of a topic's share, up and down
SESSIONS = 3  # people who ask at the same time
LENGTH = (3, 12)  # questions of a session, all about one topic


def in_seasons(world: World, rng: Rng, count: int) -> tuple[Places, Places]:
    """Let each topic have its time of the day."""
    phases = rng.uniform(0, 2 * np.pi, len(world.known))
    topics = np.empty(count, dtype=np.intp)
    for event in range(count):
        now = world.shares * (1 + SWING * np.sin(2 * np.pi * event / DAY + phases))
        topics[event] = rng.choice(len(now), p=now / now.sum())
    return topics, rng.choice(len(world.habits), size=count, p=world.habits)


def in_sessions(world: World, rng: Rng, count: int) -> tuple[Places, Places]:
    """Let a person ask a few questions about one topic, beside two others who do the same."""
    topics, persons = np.empty(count, dtype=np.intp), np.empty(count, dtype=np.intp)
    left = np.zeros(SESSIONS, dtype=int)
    topic, person = np.zeros(SESSIONS, dtype=int), np.zeros(SESSIONS, dtype=int)
    for event in range(count):
        seat = rng.integers(SESSIONS)
        if not left[seat]:
            left[seat] = rng.integers(*LENGTH, endpoint=True)
            topic[seat] = rng.choice(len(world.known), p=world.shares)
            person[seat] = world.somebody(rng)
        left[seat] -= 1
        topics[event], persons[event] = topic[seat], person[seat]
    return topics, persons


@scenario()
def none(world: World, rng: Rng, events: int) -> Stream:
    return Stream(*usual(world, rng, events, independent))


@scenario()
def none_seasonal(world: World, rng: Rng, events: int) -> Stream:
    return Stream(*usual(world, rng, events, in_seasons))


@scenario()
def none_sessions(world: World, rng: Rng, events: int) -> Stream:
    return Stream(*usual(world, rng, events, in_sessions))
