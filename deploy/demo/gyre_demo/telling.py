"""Says what happens, as it happens."""

import sys
import time

from gyre_demo.trail import Seen


class Telling:
    """Prints one line a step, with the seconds since the story began."""

    def __init__(self, began: float) -> None:
        self._began = began

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def say(self, text: str) -> None:
        sys.stdout.write(f"[{self.seconds:5.0f} s] {text}\n")
        sys.stdout.flush()

    def event(self, seen: Seen) -> None:
        """Print an event of the loop; of a training's steps only every twentieth."""
        value = seen.value
        if seen.topic == "training-progressed" and value["step"] % 20:
            return
        self.say(f"  {seen.topic:22} {_summary(seen)}")


def _summary(seen: Seen) -> str:
    value = seen.value
    match seen.topic:
        case "drift-detected":
            return (
                f"{value['family']}/{value['detector']}: {value['statistic']:.1f} "
                f"> {value['threshold']:.1f} after {value['events']} events"
            )
        case "remedy-requested":
            return f"{value['remedy']} ({value['state']}) because of {value['cause']}"
        case "dataset-frozen":
            parts = ("train", "holdout", "replay")
            return ", ".join(f"{part} {value[part]['examples']}" for part in parts)
        case "training-progressed":
            return f"step {value['step']} of {value['steps']}, loss {value['loss']:.3f}"
        case "adapter-trained":
            return f"{value['adapter_digest'][:12]}, {value['seconds']:.0f} s"
        case "adapter-loaded":
            return f"{value['outcome']} by {value['replica']} {value['reason']}"
        case "adapter-evaluated":
            return value["error"] or "; ".join(
                f"{suite['suite'].partition('/')[0]}: "
                + ", ".join(f"{one['subject']} {one['value']:.2f}" for one in suite["subjects"])
                for suite in value["suites"]
            )
        case "rollout-changed":
            shares = ", ".join(f"{arm['name']} {arm['share'] / 100:g} %" for arm in value["arms"])
            return f"{value['stage']} ({shares}): {value['reason']}"
        case _:
            return str(value["reason"])
