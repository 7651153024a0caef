"""A row for each fault, and as the last line one JSON object."""

import json
from collections.abc import Mapping
from typing import Any

COLUMNS = (
    "fault", "into", "trials", "sent", "unknown", "lost", "double", "inversions",
    "recovery p50/p95 (bound)", "client waited p95", "verdict",
)  # fmt: skip


def percentile(values: list[float], share: float) -> float:
    """Return the value that `share` of `values` do not exceed.

    >>> percentile([3.0, 1.0, 2.0], 0.95), percentile([1.0], 0.5)
    (3.0, 1.0)
    """
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def passed(trials: list[dict[str, Any]]) -> bool:
    """Tell whether nothing was lost, double, inverted or otherwise broken, and all was in time."""
    wrong = ("lost", "double", "inversions", "broken")
    kept = not any(each.get(what) for each in trials for what in wrong)
    p95 = percentile([each["recovery_s"] for each in trials], 0.95)
    return kept and p95 <= max(each["bound_s"] for each in trials)


def table(results: list[dict[str, Any]], titles: dict[str, str]) -> str:
    """Return the report in Markdown."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    for fault, title in titles.items():
        of_fault = [each for each in results if each["fault"] == fault]
        for into in dict.fromkeys(each["into"] for each in of_fault):
            trials = [each for each in of_fault if each["into"] == into]
            lines.append(_row(f"{fault} {title}", into, trials))
    return "\n".join(lines)


def _row(fault: str, into: str, trials: list[dict[str, Any]]) -> str:
    back = [each["recovery_s"] for each in trials]
    bound = max(each["bound_s"] for each in trials)
    cells = (
        fault,
        into,
        len(trials),
        *(_sum(trials, name) for name in ("sent", "unknown", "lost", "double", "inversions")),
        f"{percentile(back, 0.5):.1f} / {percentile(back, 0.95):.1f} s ({bound:.0f})",
        f"{percentile([each['waited_p95_s'] for each in trials], 0.95):.1f} s",
        "pass" if passed(trials) else "FAIL",
    )
    return "| " + " | ".join(map(str, cells)) + " |"


def summary(
    tier: str,
    seed: int,
    results: list[dict[str, Any]],
    substitutes: Mapping[str, str],
) -> str:
    """Return the last line; a fault that was not injected has the verdict `not run`.

    Args:
        tier: That was asked for.
        seed: Too.
        results: Of trials.
        substitutes: What was done in the place of what was asked for, or "", by fault: all of them.
    """
    faults = {}
    for name, substitute in substitutes.items():
        trials = [each for each in results if each["fault"] == name]
        into = {each["into"] for each in trials}
        fine = all(passed([one for one in trials if one["into"] == each]) for each in into)
        faults[name] = {
            "verdict": ("pass" if fine else "fail") if trials else "not run",
            "trials": len(trials),
            **{what: _sum(trials, what) for what in ("lost", "double", "inversions")},
            "recovery_p95_s": percentile([each["recovery_s"] for each in trials], 0.95)
            if trials
            else None,
            **({"substitute": substitute} if substitute else {}),
        }
    return json.dumps({"tier": tier, "seed": seed, "faults": faults})


def report(tier: str, seed: int, results: list[dict[str, Any]], rows: str, last: str) -> str:
    """Return the tier's report in Markdown.

    Args:
        tier: That was asked for.
        seed: Of all trials.
        results: Of trials, each with its time, commit and machine.
        rows: Their table.
        last: Their summary.
    """
    times = sorted(each["at"] for each in results if "at" in each)
    when = f"{times[0]} to {times[-1]}" if times else "never"
    commits = ", ".join(dict.fromkeys(each["commit"] for each in results if "commit" in each))
    cpus = ", ".join(dict.fromkeys(each["cpu"] for each in results if "cpu" in each))
    wrong = [
        f"- {each['fault']} {each['into']} {each['number']}: {'; '.join(each['broken'])}"
        for each in results
        if each.get("broken")
    ]
    return "\n".join(
        (
            f"# Faults, tier {tier}",
            "",
            f"`make faults TIER={tier} SEED={seed}`. Trials from {when},",
            f"on {cpus or 'no machine'}.",
            f"Commits: {commits or 'none'}.",
            "",
            rows,
            "",
            *(("What did not hold:", "", *wrong, "") if wrong else ()),
            "```json",
            last,
            "```",
            "",
        )
    )


def _sum(trials: list[dict[str, Any]], name: str) -> int:
    return sum(each[name] for each in trials)
