"""Who is compared, and in which Python each of them runs."""

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gyre_driftbench.lines import Line, read
from gyre_driftbench.planning import Plan

HERE = "gyre_driftbench.detectors"


@dataclass(frozen=True)
class Where:
    """Folders of a run.

    Attributes:
        results: Lines that are kept with the repository.
        environments: The baselines' Pythons.
        traces: Scores.
    """

    results: Path
    environments: Path
    traces: Path


@dataclass(frozen=True)
class Contender:
    """A detector.

    Attributes:
        name: As it is told.
        file: The name of its files of lines.
        detector: Its class, as `--detector` has it.
        environment: The folder of its Python among the environments; "": this one.
    """

    name: str
    file: str
    detector: str
    environment: str = ""

    def python(self, environments: Path) -> str:
        folder = environments / self.environment
        return str(folder / "bin" / "python") if self.environment else sys.executable

    def grid(self, where: Where) -> dict[str, Any]:
        """Return the settings that it is searched over, as its module states them.

        Raises:
            OSError: It has no Python.
            subprocess.CalledProcessError: Its module cannot be read.
        """
        module, _, attribute = self.detector.partition(":")
        code = f"import json; from {module} import GRIDS; print(json.dumps(GRIDS[{attribute!r}]))"
        said = subprocess.run(
            [self.python(where.environments), "-c", code],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        found: dict[str, Any] = json.loads(said.stdout)
        return found

    def run(self, settings: Mapping[str, Any], plan: Plan, where: Where, file: Path) -> list[Line]:
        """Run what has no line in a file yet, in its own Python; return the plan's lines."""
        name = f"{self.name} {json.dumps(settings, sort_keys=True)}"
        said = self._said(settings, plan, where, ("--name", name, "--results", str(file)))
        keys = plan.keys(name, json.loads(said[-1])["code"])
        there = read(file)
        return [there[key] for key in keys]

    def traces(
        self, settings: Sequence[Mapping[str, Any]], plan: Plan, where: Where
    ) -> list[list[dict[str, Any]]]:
        """Return its scores on every stream, for each of the settings (`tuning.of_traces`)."""
        said = self._said([*settings], plan, where, ("--traces", str(where.traces)))
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for trace in map(json.loads, said):
            found[json.dumps(trace["settings"])].append(trace | dict(np.load(trace["file"])))
        return [found[json.dumps(one)] for one in settings]

    def _said(self, settings: Any, plan: Plan, where: Where, others: tuple[str, ...]) -> list[str]:
        command = [
            *(self.python(where.environments), "-m", "gyre_driftbench"),
            *("--detector", self.detector, "--settings", json.dumps(settings), *others),
            *("--first", str(plan.first), "--seeds", str(plan.seeds)),
            *("--events", str(plan.events), "--pool", str(plan.pool)),
            *("--scenarios", *(one.name for one in plan.scenarios)),
        ]
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        return said.stdout.splitlines()


GYRE = Contender("Gyre", "gyre", f"{HERE}.gyre:Gyre")
BASELINES = (
    Contender(
        "Alibi Detect, online MMD", "alibi-mmd", f"{HERE}.alibi:Mmd", "alibi"
    ),  # the slowest first: they run beside each other
    Contender("Alibi Detect, online LSDD", "alibi-lsdd", f"{HERE}.alibi:Lsdd", "alibi"),
    Contender("Evidently, MMD", "evidently-mmd", f"{HERE}.evidently:Mmd", "evidently"),
    Contender("Evidently, classifier", "evidently-model", f"{HERE}.evidently:Model", "evidently"),
    Contender("River KSWIN on the centroid", "river-kswin", f"{HERE}.centroid:Kswin"),
    Contender("Frouros, MMD", "frouros-mmd", f"{HERE}.frouros:Mmd", "frouros"),
    Contender("River PageHinkley on the centroid", "river-hinkley", f"{HERE}.centroid:Hinkley"),
    Contender("River ADWIN on the centroid", "river-adwin", f"{HERE}.centroid:Adwin"),
)
