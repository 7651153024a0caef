"""Who is compared, and in which Python each of them runs."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gyre_driftbench.running import Line, read

HERE = "gyre_driftbench.detectors"
UNCHANGED = ("none", "none_seasonal", "none_sessions")


@dataclass(frozen=True)
class Contender:
    """A detector.

    Attributes:
        name: As it is told.
        detector: Its class, as `--detector` has it.
        environment: The folder of its Python among the environments; "": this one.
        first: The first seed of its figures: those that it was made with say too much for it.
    """

    name: str
    detector: str
    environment: str = ""
    first: int = 0

    def python(self, environments: Path) -> str:
        folder = environments / self.environment
        return str(folder / "bin" / "python") if self.environment else sys.executable

    def is_there(self, environments: Path) -> bool:
        return Path(self.python(environments)).exists()

    def grid(self, environments: Path) -> list[dict[str, Any]]:
        """Return the settings that it is searched over, as its module states them."""
        module, _, attribute = self.detector.partition(":")
        code = f"import json; from {module} import GRIDS; print(json.dumps(GRIDS[{attribute!r}]))"
        said = subprocess.run(
            [self.python(environments), "-c", code], check=True, capture_output=True, text=True
        )
        found: list[dict[str, Any]] = json.loads(said.stdout)
        return found

    def run(
        self,
        settings: dict[str, Any],
        results: Path,
        environments: Path,
        *,
        seeds: int,
        events: int,
        scenarios: tuple[str, ...] = (),
    ) -> list[Line]:
        """Run what has no line in a file yet, in its own Python; return all of its lines."""
        name = f"{self.name} {json.dumps(settings, sort_keys=True)}"
        command = [
            *(self.python(environments), "-m", "gyre_driftbench", "--detector", self.detector),
            *("--settings", json.dumps(settings), "--name", name, "--results", str(results)),
            *("--first", str(self.first), "--seeds", str(seeds), "--events", str(events)),
            *(("--scenarios", *scenarios) if scenarios else ()),
        ]
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        [name] = json.loads(said.stdout.splitlines()[-1])  # and what its code is, if that changes
        mine = range(self.first, self.first + seeds)
        return [
            line | {"settings": settings}
            for line in read(results)
            if line["detector"] == name and line["seed"] in mine
        ]


GYRE = Contender("Gyre", f"{HERE}.gyre:Gyre", first=20)  # it was tuned on 0 to 19
BASELINES = (
    Contender("River ADWIN on the centroid", f"{HERE}.centroid:Adwin"),
    Contender("River KSWIN on the centroid", f"{HERE}.centroid:Kswin"),
    Contender("River PageHinkley on the centroid", f"{HERE}.centroid:Hinkley"),
    Contender("Evidently, classifier", f"{HERE}.evidently:Model", "evidently"),
    Contender("Evidently, MMD", f"{HERE}.evidently:Mmd", "evidently"),
    Contender("Frouros, MMD", f"{HERE}.frouros:Mmd", "frouros"),
    Contender("Alibi Detect, online MMD", f"{HERE}.alibi:Mmd", "alibi"),
    Contender("Alibi Detect, online LSDD", f"{HERE}.alibi:Lsdd", "alibi"),
)
