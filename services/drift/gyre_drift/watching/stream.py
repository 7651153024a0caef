"""The detectors of one route: made from its policy, fed with what happens. Pickled as they are."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from gyre_drift.watching.deciding import Raised
from gyre_drift.watching.detectors import Alarm, Calibrated, Detector, Rise
from gyre_drift.watching.reference import Reference, Vectors
from gyre_drift.watching.shares import NEWEST, Share
from gyre_drift.watching.thresholds import share_of, threshold_for
from gyre_events import AnswerScored, DriftPolicy, VerdictRecorded

Judgement: TypeAlias = AnswerScored | VerdictRecorded

NOVELTY, GROUNDED, THUMBS = "novelty", "grounded", "thumbs"
RISING = 3  # detectors whose false alarms add up
SCORES = ("citation_valid", "groundedness_overlap", "numbers_supported")
BAD_SCORE = 0.5


@dataclass
class Watched:
    """What a route's detectors have seen.

    Attributes:
        novelty: Of its questions.
        mix: One a cluster of its questions.
        scores: Of the judge's scores, worse when lower.
        verdicts: Of people's, worse when higher.
        times: Of its newest questions.
        alarms: That may still count.
        held: Whether a confirmed alarm waits for something else than its confirmation.
        positions: The last offset read, by (topic, partition).
        began: The time of the question that completed the reference: what was said of answers
            up to then is of the time before.
    """

    novelty: Detector
    mix: list[Detector]
    scores: Calibrated
    verdicts: Calibrated
    times: list[datetime] = field(default_factory=list)
    alarms: list[Raised] = field(default_factory=list)
    held: bool = False
    positions: dict[tuple[str, int], int] = field(default_factory=dict)
    began: datetime | None = None

    @classmethod
    def new(cls, policy: DriftPolicy, clusters: int, began: datetime) -> "Watched":
        """Return detectors that have seen nothing."""
        threshold = threshold_for(share_of(policy.false_alarm_events, RISING))
        return cls(
            novelty=Detector(NOVELTY, "input", Rise(threshold, policy.calibration_events)),
            mix=[Detector(f"mix-{n}", "input", Share()) for n in range(clusters)],
            scores=Calibrated(
                Detector(GROUNDED, "quality", Rise(threshold, policy.score_events)),
                policy.score_events,
                sign=-1,
            ),
            verdicts=Calibrated(
                Detector(THUMBS, "people", Rise(threshold, policy.score_events)),
                policy.score_events,
                sign=1,
            ),
            began=began,
        )

    def question(self, reference: Reference, vector: Vectors, time: datetime) -> list[Alarm]:
        """Take a live question."""
        self.times = [*self.times[1 - NEWEST :], time]
        found = [self.novelty.update(reference.z(vector), self.times)]
        cluster = reference.cluster(vector)
        found += [one.update(float(n == cluster), self.times) for n, one in enumerate(self.mix)]
        return [alarm for alarm in found if alarm is not None]

    def judged(self, event: Judgement, time: datetime) -> list[Alarm]:
        """Take the scores of a live answer, or what a person said of one."""
        if self.began is not None and time <= self.began:
            return []
        if isinstance(event, AnswerScored):
            value, calibrated = quality_of(event), self.scores
        else:
            value, calibrated = badness_of(event), self.verdicts
        alarm = None if value is None else calibrated.update(value, time)
        return [] if alarm is None else [alarm]

    def in_alarm(self) -> set[str]:
        """Return the names of the detectors whose episode lasts."""
        return {detector.name for detector, _ in self.detectors() if detector.alarmed}

    def detectors(self) -> list[tuple[Detector, str]]:
        """Return every detector with its state."""
        single = [(one, one.state) for one in (self.novelty, *self.mix)]
        return [*single, *((one.detector, one.state) for one in (self.scores, self.verdicts))]


def quality_of(event: AnswerScored) -> float | None:
    """Return how well an answer stands on its passages, 0..1; None if nothing says so."""
    if event.refused:
        return 0.0
    values = [score.value for score in event.scores if score.name in SCORES]
    return sum(values) / len(values) if values else None


def badness_of(event: VerdictRecorded) -> float | None:
    """Return 1 for a verdict against the answer, 0 for one in favour, None for neither."""
    if event.edited_answer is not None or event.thumb == "down":
        return 1.0
    if event.thumb == "up":
        return 0.0
    return None if event.score is None else float(event.score < BAD_SCORE)
