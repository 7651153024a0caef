import random
from uuid import UUID

import pytest

from gyre_feedback.splitting import Sample, split, spread


def sample(number: int, conversation: int, *documents: int) -> Sample:
    return Sample(UUID(int=number), f"c{conversation}", tuple(f"d{one}" for one in documents))


def crossing(samples: list[Sample], train: set[UUID], holdout: set[UUID]) -> set[str]:
    """Return the conversations and documents that stand on both sides."""

    def names(ids: set[UUID]) -> set[str]:
        chosen = [one for one in samples if one.id in ids]
        return {one.conversation for one in chosen} | {d for one in chosen for d in one.documents}

    return names(train) & names(holdout)


def test_no_conversation_and_no_document_stands_on_both_sides() -> None:
    rng = random.Random(1)
    for _ in range(50):
        # Teams of 3 conversations that share 4 documents.
        samples = [
            sample(n, team * 3 + rng.randrange(3), team * 4 + rng.randrange(4))
            for n, team in enumerate(rng.randrange(30) for _ in range(200))
        ]
        parts = split(samples, 0.2, "job")
        assert not crossing(samples, set(parts.train), set(parts.holdout))
        assert not parts.left_out
        assert 20 <= len(parts.holdout) <= 40
        assert len(parts.train) + len(parts.holdout) == 200


def test_the_order_of_the_examples_does_not_matter_but_the_job_does() -> None:
    samples = [sample(n, n, n % 40) for n in range(200)]
    shuffled = random.Random(3).sample(samples, len(samples))
    assert split(samples, 0.2, "a") == split(shuffled, 0.2, "a")
    assert split(samples, 0.2, "a") != split(samples, 0.2, "b")


def test_where_everything_hangs_together_what_would_cross_is_left_out() -> None:
    rng = random.Random(2)
    samples = [sample(n, n // 3, rng.randrange(40)) for n in range(300)]
    parts = split(samples, 0.2, "job")
    assert not crossing(samples, set(parts.train), set(parts.holdout))
    assert parts.holdout
    assert len(parts.train) > 150
    assert len(parts.train) + len(parts.holdout) + len(parts.left_out) == 300


def test_one_document_alone_cannot_be_split() -> None:
    parts = split([sample(n, n, 1) for n in range(50)], 0.2, "job")
    assert not (parts.train and parts.holdout)


def test_an_answer_that_rests_on_nothing_belongs_to_its_conversation() -> None:
    parts = split([sample(n, n // 5) for n in range(100)], 0.2, "job")
    assert len(parts.holdout) == 20
    assert not parts.left_out


@pytest.mark.parametrize(("most", "limit", "wanted"), [(5, 1000, 50), (100, 30, 30), (0, 9, 0)])
def test_replay_is_spread_over_the_documents(most: int, limit: int, wanted: int) -> None:
    documents = {UUID(int=n): f"d{n % 10}" for n in range(300)}
    chosen = spread(documents, most, limit)
    assert len(chosen) == wanted == len(set(chosen))
    assert all(sum(documents[id] == name for id in chosen) <= most for name in documents.values())
    assert chosen == spread(dict(reversed(documents.items())), most, limit)
