"""How much sooner Gyre is than the best of the others, and with whom that is a comparison."""

from collections.abc import Mapping
from typing import Any

from gyre_driftbench.figures import is_compared
from gyre_driftbench.measuring import ratio

HALF = 0.5


def against_best(gyre: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """Return, of each scenario that all can see, the best other and the ratio of delays.

    `at_most_half` are those with at most half of the best one's delay, `surely` those where all of
    the interval is; `missed` are those that no other finds in half of the seeds, which count for
    nothing. The best is the soonest, however often it is wrong: `fair` says whether that is as
    often as it is to be.

    Args:
        gyre: Figures of the detector that is looked at.
        others: Those of the others, by name, on the same seeds.
    """
    by: dict[str, dict[str, Any]] = {}
    missed = []
    for scenario in filter(is_compared, gyre["delay"]):
        there = {name: one for name, one in others.items() if scenario in one["delay"]}
        finders = [n for n, one in there.items() if one["detection_rate"][scenario][0] >= HALF]
        if not finders:
            missed += [scenario] * bool(there)
            continue
        best = min(finders, key=lambda name: there[name]["delay"][scenario][0])
        mine, theirs = gyre["delays"][scenario], there[best]["delays"][scenario]
        seeds = sorted(mine.keys() & theirs.keys(), key=int)
        if not seeds:
            continue
        found = ratio([mine[seed] for seed in seeds], [theirs[seed] for seed in seeds])
        by[scenario] = {
            "best": best,
            "fair": there[best]["fair"],
            "ratio": found,
            "seeds": len(seeds),
        }
    return {
        "at_most_half": [name for name, one in by.items() if one["ratio"][0] <= HALF],
        "surely": [name for name, one in by.items() if one["ratio"][2] <= HALF],
        "missed": missed,
        "by_scenario": by,
    }
