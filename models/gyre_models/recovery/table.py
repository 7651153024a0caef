"""The table of all seeds, and the medians with their intervals."""

import random
from collections.abc import Callable, Sequence
from statistics import median

from gyre_models.recovery.trial import Trial

KEYS: dict[str, Callable[[Trial], float]] = {
    "unshifted": lambda trial: trial.unshifted,
    "shifted_before": lambda trial: trial.shifted_before,
    "recovered_ratio": lambda trial: trial.recovered_ratio,
    "retention_ratio": lambda trial: trial.retention_ratio,
}
DRAWS = 2_000


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a median (Efron, 1979)."""
    rng = random.Random(1)
    drawn = sorted(median(rng.choices(values, k=len(values))) for _ in range(DRAWS))
    return drawn[int(0.025 * DRAWS)], drawn[int(0.975 * DRAWS) - 1]


def lines(trials: Sequence[Trial]) -> list[str]:
    """Return a row a seed, a row of medians, and a row of their intervals."""
    columns = ("examples", *KEYS, "seconds")
    found = [f"{'seed':>6}  {'shift':<36}" + "".join(f"{name:>17}" for name in columns)]
    for trial in trials:
        found.append(
            f"{trial.seed:>6}  {trial.shift:<36}{trial.examples:>17}"
            + "".join(f"{value(trial):>17.3f}" for value in KEYS.values())
            + f"{trial.seconds:>17.0f}"
        )
    medians, spans = [], []
    for value in KEYS.values():
        values = [value(trial) for trial in trials]
        low, high = interval(values)
        medians.append(f"{median(values):>17.3f}")
        spans.append(f"{f'{low:.3f}..{high:.3f}':>17}")
    found.append(f"{'median':<44}{'':>17}{''.join(medians)}")
    found.append(f"{'95 % interval of it':<44}{'':>17}{''.join(spans)}")
    return found


def result(trials: Sequence[Trial]) -> dict[str, object]:
    """Return the last line's object."""
    values = {name: [value(trial) for trial in trials] for name, value in KEYS.items()}
    return {
        "seeds": len(trials),
        **{name: round(median(found), 4) for name, found in values.items()},
        "intervals": {
            name: [round(end, 4) for end in interval(found)] for name, found in values.items()
        },
    }
