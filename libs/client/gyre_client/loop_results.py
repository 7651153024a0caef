"""What Gyre answers about the loop."""

from datetime import datetime

from gyre_client.results import Result


class Accepted(Result):
    """Past questions that are a part of a reference now."""

    accepted: int


class Detector(Result):
    """One statistic of a route; over its threshold it is an alarm."""

    name: str
    family: str = ""
    state: str = ""
    statistic: float = 0
    threshold: float = 0
    events: int = 0
    history: tuple[float, ...] = ()


class Stream(Result):
    """The questions and answers of a route, as drift sees them."""

    route: str
    state: str = ""
    events: int = 0
    reference_events: int = 0
    reference_wanted: int = 0
    detectors: tuple[Detector, ...] = ()
    pending: str = ""
    cooldown_s: float = 0


class Drift(Result):
    """What drift sees now."""

    streams: tuple[Stream, ...] = ()


class Moved(Result):
    """A cluster of questions whose share has changed."""

    cluster: int
    before: float = 0
    now: float = 0
    low: float = 0  # of the change, 95 %
    high: float = 0
    examples: tuple[str, ...] = ()
    nearest: tuple[str, ...] = ()


class Alarm(Result):
    """A statistic that passed its threshold, with the evidence."""

    drift_id: str
    route: str = ""
    family: str = ""
    detector: str = ""
    cause: str = ""
    onset: datetime | None = None
    size: float | None = None
    moved: tuple[Moved, ...] = ()
    statistic: float = 0
    threshold: float = 0
    events: int = 0
    examples: tuple[str, ...] = ()
    decided_at: datetime | None = None


class Remedy(Result):
    """What is done about a change, or why it waits."""

    remedy_id: str
    route: str = ""
    cause: str = ""
    remedy: str = ""
    state: str = ""
    reason: str = ""
    by: str = ""
    person: str | None = None
    adapter_digest: str | None = None
    job_id: str | None = None
    examples: tuple[str, ...] = ()
    since: datetime | None = None
    decided_at: datetime | None = None


class Review(Result):
    """What a person said of a proposed remedy."""

    remedy_id: str
    approved: bool


class Job(Result):
    """A training."""

    id: str
    route: str = ""
    state: str = ""
    reason: str = ""
    step: int = 0
    steps: int = 0
    loss: float | None = None
    losses: tuple[tuple[float, float], ...] = ()  # step, loss
    adapter_digest: str | None = None
    seconds: float | None = None
    failure: str | None = None
    changed_at: datetime | None = None


class Evidence(Result):
    """Judged answers of one arm; the interval is of the share of bad ones."""

    arm: str
    source: str = ""
    answers: int = 0
    bad: int = 0
    low: float = 0
    high: float = 1


class Step(Result):
    """What was decided of a rollout, by whom and why."""

    at: str
    stage: str = ""
    share: int = 0
    reason: str = ""
    by: str = ""


class Rollout(Result):
    """An adapter on its way to production, or not; shares are in 1/10,000."""

    id: str
    route: str = ""
    stage: str = ""
    share: int = 0
    adapter_digest: str = ""
    before_digest: str = ""
    job_id: str = ""
    reason: str = ""
    began_at: str = ""
    changed_at: str = ""
    evidence: tuple[Evidence, ...] = ()
    history: tuple[Step, ...] = ()
    gate: dict[str, object] | None = None


class Adapter(Result):
    """A LoRA adapter; without a job it was brought."""

    digest: str
    route: str = ""
    uri: str = ""
    base_digest: str = ""
    job_id: str = ""
    stage: str = ""
    created_at: str = ""


class Lineage(Result):
    """Where an answer came from; what is not known, or has no part in it, is None."""

    answer: dict[str, object] | None = None
    chunks: list[dict[str, object]] | None = None
    prompt: dict[str, object] | None = None
    base: str | None = None  # digest
    adapter: dict[str, object] | None = None
    rollout: dict[str, object] | None = None
    training: dict[str, object] | None = None
    request: dict[str, object] | None = None
    dataset: dict[str, object] | None = None
    drift: list[dict[str, object]] | None = None
    gate: dict[str, object] | None = None
