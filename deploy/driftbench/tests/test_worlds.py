"""Worlds that come back, in real texts: twenty seeds."""

from uuid import UUID

import numpy as np

from gyre_drift.watching.reference import Reference, Vectors
from gyre_drift.watching.worlds import match
from gyre_driftbench.observation import Observation
from gyre_driftbench.pool import COMMITTED, read
from gyre_driftbench.world import PAST, World, independent, usual
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
        usual = vectors_of(world.past(rng, *independent(world, rng, PAST)))
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


def test_halves_of_the_past_and_what_comes_then_have_no_text_in_common() -> None:
    encoder, pools = read(COMMITTED)
    for seed in range(3):
        world = World.draw(pools, encoder, seed)
        past, live = usual(world, np.random.default_rng(seed), PAST)
        parts = [{one.text for one in part} for part in (past[:1_000], past[1_000:], live)]
        assert sum(map(len, parts)) == len(set[str]().union(*parts))
        sizes = [[len(topic.early), len(topic.late), len(topic.live)] for topic in world.known]
        assert all(max(each) - min(each) <= 1 for each in sizes)


def test_some_attacks_are_worded_as_no_pattern_has_it() -> None:
    _, pools = read(COMMITTED)
    attacks = pools["attacks"]
    unseen = np.char.startswith(attacks.topics, "unseen/")
    assert unseen.sum() == 200
    assert not attacks.injection[unseen].any()
    assert attacks.injection[~unseen].mean() > 0.3
