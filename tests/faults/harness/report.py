"""A row for each fault, and as the last line one JSON object."""

import json
from collections.abc import Iterator, Mapping
from math import ceil
from pathlib import Path
from typing import Any

from tests.faults.harness.fault import Fault, Tier

COLUMNS = (
    "fault", "into", "trials", "sent", "unknown", "lost", "double", "inversions",
    "recovery p50/p95 (bound)", "client waited p95", "beside", "commit", "verdict",
)  # fmt: skip


def percentile(values: list[float], share: float) -> float:
    """Return the value that `share` of `values` do not exceed.

    >>> percentile([3.0, 1.0, 2.0], 0.95), percentile([1.0], 0.5)
    (3.0, 1.0)
    >>> percentile([float(number) for number in range(1, 21)], 0.95)
    19.0
    """
    return sorted(values)[max(0, ceil(share * len(values)) - 1)]


def passed(trials: list[dict[str, Any]]) -> bool:
    """Tell whether nothing was lost, double, inverted or otherwise broken, and all was in time."""
    wrong = ("lost", "double", "inversions", "broken")
    kept = not any(each.get(what) for each in trials for what in wrong)
    p95 = percentile([each["recovery_s"] for each in trials], 0.95)
    return kept and p95 <= max(each["bound_s"] for each in trials)


def table(results: list[dict[str, Any]], titles: Mapping[str, str]) -> str:
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
        "; ".join(_beside(trials)),
        ", ".join(dict.fromkeys(each.get("commit", "")[:7] for each in trials)),
        "pass" if passed(trials) else "FAIL",
    )
    return "| " + " | ".join(map(str, cells)) + " |"


def _beside(trials: list[dict[str, Any]]) -> Iterator[str]:
    """Yield what else was measured, from the least to the most."""
    names = dict.fromkeys(name for each in trials for name in each.get("figures", ()))
    for name in names:
        values = [each["figures"][name] for each in trials if name in each.get("figures", ())]
        least, most = min(values), max(values)
        span = f"{least:g}" if least == most else f"{least:g} to {most:g}"
        yield f"{name.replace('_', ' ')} {span}"


def summary(
    tier: Tier, seed: int, results: list[dict[str, Any]], faults: Mapping[str, Fault]
) -> str:
    """Return the last line: of every fault its verdict.

    `fail` if one trial is against it, `pass` if all that the tier asks for are for it, else
    `incomplete`, or `not run`.

    Args:
        tier: That was asked for.
        seed: Too.
        results: Of trials.
        faults: All of them, by name.
    """
    found = {}
    for name, fault in faults.items():
        trials = [each for each in results if each["fault"] == name]
        into = {each["into"] for each in trials}
        fine = all(passed([one for one in trials if one["into"] == each]) for each in into)
        there = {(each["into"], each["number"]) for each in trials}
        verdict = ("pass" if set(fault.plan(tier)) <= there else "incomplete") if fine else "fail"
        found[name] = {
            "verdict": verdict if trials else "not run",
            "trials": len(trials),
            **{what: _sum(trials, what) for what in ("lost", "double", "inversions")},
            "recovery_p95_s": percentile([each["recovery_s"] for each in trials], 0.95)
            if trials
            else None,
            **({"substitute": fault.substitute} if fault.substitute else {}),
        }
    return json.dumps({"tier": tier, "seed": seed, "faults": found})


def report(
    tier: Tier,
    seed: int,
    results: list[dict[str, Any]],
    faults: Mapping[str, Fault],
    mutations: Mapping[str, Mapping[str, str]],
    tried_again: list[dict[str, Any]],
) -> str:
    """Return the tier's report in Markdown.

    Args:
        tier: That was asked for.
        seed: Of all trials.
        results: Of trials, each with its time, commit and machine.
        faults: All of them, by name.
        mutations: What the last `make mutations` found, by protection.
        tried_again: Attempts at trials that came to no judgement.
    """
    times = sorted(each["at"] for each in results if "at" in each)
    when = f"{times[0]} to {times[-1]}" if times else "never"
    commits = ", ".join(dict.fromkeys(each["commit"] for each in results if "commit" in each))
    machines = dict.fromkeys(
        f"{each['cores']} cores of {each['cpu']}" for each in results if "cores" in each
    )
    wrong, again = (list(_broken(lines)) for lines in (results, tried_again))
    switched = [
        f"| {name} | `{each['by']}` | {each['verdict']} |" for name, each in mutations.items()
    ]
    head = ("| protection turned off | test that is red then | |", "|---|---|---|")
    instead = [f"- {name}: {each.substitute}" for name, each in faults.items() if each.substitute]
    return "\n".join(
        (
            f"# Faults, tier {tier}",
            "",
            f"`make faults TIER={tier} SEED={seed}`. Trials from {when},",
            f"on {', '.join(machines) or 'no machine'}.",
            f"Commits: {commits or 'none'}.",
            "",
            table(results, {name: each.title for name, each in faults.items()}),
            "",
            *(("What did not hold:", "", *wrong, "") if wrong else ()),
            *(("Tried again:", "", *again, "") if again else ()),
            "Otherwise than asked for:",
            "",
            *instead,
            "",
            *(("`make mutations`:", "", *head, *switched, "") if switched else ()),
            "```json",
            summary(tier, seed, results, faults),
            "```",
            "",
        )
    )


def _broken(lines: list[dict[str, Any]]) -> Iterator[str]:
    for each in lines:
        if each.get("broken"):
            yield f"- {each['fault']} {each['into']} {each['number']}: {'; '.join(each['broken'])}"


def read_mutations(folder: Path) -> Mapping[str, Mapping[str, str]]:
    """Return what the last `make mutations` left in a folder of results; nothing if none did."""
    file = folder / "mutations.json"
    found: Mapping[str, Mapping[str, str]] = json.loads(file.read_text()) if file.exists() else {}
    return found


def _sum(trials: list[dict[str, Any]], name: str) -> int:
    return sum(each[name] for each in trials)
