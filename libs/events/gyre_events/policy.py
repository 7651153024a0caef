"""How a route answers, is watched, is taught and is released: its policy file."""

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from gyre_events.base import Share

WHOLE = 10_000  # shares are counted in hundredths of a percent

Positive = Annotated[int, Field(ge=1)]
LONGEST_S = 10 * 365 * 86_400.0
# A longer one could be set once, and `at + timedelta` fails for it: it is read as ten years.
Seconds = Annotated[float, Field(gt=0), AfterValidator(lambda seconds: min(seconds, LONGEST_S))]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


REMEDIES = ("re-index", "documents-wanted", "prompt", "re-activate", "retrain")


def _known(remedies: tuple[str, ...]) -> tuple[str, ...]:
    unknown = sorted(set(remedies) - set(REMEDIES))
    if unknown:
        raise ValueError(f"unknown: {', '.join(unknown)}; there are {', '.join(REMEDIES)}")
    return remedies


# Text and no enum in the contract: there will be more.
Remedies = Annotated[tuple[str, ...], AfterValidator(_known)]


class RemedyPolicy(_Part):
    """What is done about a cause: the first remedy first, the next one if it did not help."""

    input: Remedies = Field(default=("re-activate", "retrain"), description="questions are new")
    mix: Remedies = Field(default=(), description="known questions, in other shares")
    knowledge: Remedies = Field(
        default=("re-index", "documents-wanted"), description="less is found than was"
    )
    quality: Remedies = Field(
        default=("re-activate", "retrain"), description="answers stand on their passages less"
    )
    concept: Remedies = Field(
        default=("prompt", "retrain"), description="people want other answers than they did"
    )
    operations: Remedies = Field(default=(), description="answers take longer")

    def of(self, cause: str) -> tuple[str, ...]:
        """Return the remedies of a cause; none are known of any other."""
        found: tuple[str, ...] = getattr(self, cause, ())
        return found


class DriftPolicy(_Part):
    """When the world has moved, what is done then, and when that is worth a training."""

    reference_events: Annotated[int, Field(ge=100, le=5_000)] = 1_000
    calibration_events: Annotated[int, Field(ge=100, le=5_000)] = 1_000
    score_events: Annotated[int, Field(ge=30, le=5_000)] = Field(
        default=200, description="scored or judged live answers that calibrate those detectors"
    )
    false_alarm_events: Annotated[float, Field(ge=1_000)] = Field(
        default=50_000, description="wanted mean number of events between false alarms of a route"
    )
    families: Positive = Field(
        default=2, description="whose alarms within `window_events` start a training"
    )
    window_events: Positive = 500
    auc: Annotated[float, Field(ge=0.5, le=1)] = Field(
        default=0.6, description="one family is enough where the batch test's lower bound is above"
    )
    batch_events: Annotated[int, Field(ge=30, le=200)] = Field(
        default=60, description="newest questions that the batch test compares to the reference"
    )
    cooldown_s: Seconds = Field(
        default=6 * 3600, description="between two trainings or re-activations"
    )
    trainings_per_day: Annotated[int, Field(ge=0)] = Field(
        default=2, description="re-activations count as trainings"
    )
    paused: bool = Field(default=False, description="alarms are raised, and nothing is done")
    remedies: RemedyPolicy = RemedyPolicy()
    approval: Remedies = Field(default=(), description="remedies that wait until a person agrees")
    remedy_events: Positive = Field(
        default=200, description="questions after which a remedy has helped, or the next is tried"
    )
    match_auc: Annotated[float, Field(ge=0.5, le=1)] = Field(
        default=0.55, description="new questions are those of an older world below it"
    )
    match_events: Annotated[int, Field(ge=30, le=200)] = Field(
        default=200, description="newest questions that are compared with older worlds"
    )
    near_duplicates: Share = Field(
        default=0.3, description="of the newest questions; more, than usual, are an attack"
    )
    person_share: Share = Field(
        default=0.3, description="of the newest questions; one who asks more is an attack"
    )
    injections: Share = Field(
        default=0.3, description="of the newest questions; more that look so are an attack"
    )


class TrainingPolicy(_Part):
    """From which data, and with how much, an adapter is trained."""

    floor_examples: Positive = 200
    floor_conversations: Positive = 40
    data_deadline_s: Seconds = 7 * 86_400
    holdout: Annotated[float, Field(gt=0, le=0.5)] = 0.2
    replay: Annotated[float, Field(ge=0, le=4)] = Field(
        default=1, description="examples from before the shift, for each one from after it"
    )
    rank: Annotated[int, Field(ge=1, le=128)] = 16
    alpha: Annotated[float, Field(gt=0)] = 32
    learning_rate: Annotated[float, Field(gt=0, le=0.1)] = 5e-4
    batch_examples: Annotated[int, Field(ge=1, le=256)] = 8
    max_steps: Positive = 300
    max_seconds: Seconds = 3_600
    seed: int = 0


class ReleasePolicy(_Part):
    """What an adapter has to show before, and while, it answers people."""

    suites: tuple[str, ...] = Field(
        default=("retention",), description="kept by what is known already, beside the moved slice"
    )
    suite_items: Positive = Field(default=200, description="of each suite, the first ones")
    min_gain: Share = Field(
        default=0, description="on the moved slice, lower bound of the paired difference"
    )
    max_loss: Share = Field(
        default=0.1, description="on every other suite, of the paired difference's value"
    )
    steps: Annotated[
        tuple[Annotated[int, Field(ge=1, le=WHOLE)], ...], Field(min_length=1, max_length=10)
    ] = Field(default=(100, 1_000, 5_000), description="shares of the canary, in 1/10,000")
    step_evidence: Positive = Field(
        default=30, description="judged answers of the candidate that a step needs, shadows too"
    )
    step_timeout_s: Seconds = Field(
        default=86_400, description="without a newly judged answer of the candidate, until it ends"
    )
    shadow: Share = Field(
        default=0.2, description="share of live questions that the candidate is asked too, unseen"
    )
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = Field(
        default=0.05, description="how often a sequential test may be wrong"
    )
    margin: Share = Field(
        default=0.05, description="more bad answers than production that still count as none"
    )
    max_bad: Positive = Field(
        default=50,
        description="bad answers shown by a canary, beyond production's share of them, "
        "before it ends",
    )
    approval: bool = Field(default=False, description="a person promotes; nobody else does")

    @model_validator(mode="after")
    def _steps_grow(self) -> Self:
        if list(self.steps) != sorted(set(self.steps)):
            raise ValueError("the steps of a canary must grow")
        return self


class Policy(_Part):
    """How a route finds, answers and is watched."""

    passages: Annotated[int, Field(ge=1, le=20)] = 4
    min_score: Annotated[float, Field(ge=-1, le=1)] = 0.25
    max_tokens: Annotated[int, Field(ge=1, le=8192)] = 256
    temperature: Annotated[float, Field(ge=0, le=2)] = 0
    sample: Share = Field(default=1, description="share of live answers that are scored")
    cost_usd_per_1k_tokens: Annotated[float, Field(ge=0)] = 0
    drift: DriftPolicy = DriftPolicy()
    training: TrainingPolicy = TrainingPolicy()
    release: ReleasePolicy = ReleasePolicy()
