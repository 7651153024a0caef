"""Worlds that come back, in real texts: twenty seeds."""

from uuid import UUID

import numpy as np

from gyre_drift.watching.reference import Reference, Vectors
from gyre_drift.watching.worlds import match
from gyre_driftbench.observation import Observation
from gyre_driftbench.pool import COMMITTED, read
from gyre_driftbench.scenarios import PAST
from gyre_driftbench.world import World, independent
from gyre_events import DriftPolicy

SEEDS, WANTED = 20, 0.9
FIRST, SECOND = UUID(int=1), UUID(int=2)


def vectors_of(seen: list[Observation]) -> Vectors:
    return np.stack([one.vector for one in seen])


def test_a_world_of_before_is_known_again_and_a_new_one_is_not() -> None:
    encoder, pools = read(COMMITTED)
    policy, again, new = DriftPolicy(), 0, 0
    for seed in range(SEEDS):
        world, rng = World.draw(pools, encoder, seed), np.random.default_rng(seed)
        usual = vectors_of(world.about_known(rng, *independent(world, rng, PAST), "past"))
        moved = vectors_of(world.about_new(rng, PAST))
        points = {
            id: Reference.build(id, vectors, [""] * PAST).points
            for id, vectors in ((FIRST, usual), (SECOND, moved))
        }
        back = world.about_known(rng, *independent(world, rng, policy.match_events))
        found = match({FIRST: points[FIRST]}, vectors_of(back), policy, seed)
        again += found.world == FIRST
        other = vectors_of(world.about_new(rng, policy.match_events))
        new += match({FIRST: points[FIRST]}, other, policy, seed).world is None
    assert again >= WANTED * SEEDS
    assert new == SEEDS
