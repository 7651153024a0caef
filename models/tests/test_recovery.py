from dataclasses import replace

from gyre_models.recovery import table
from gyre_models.recovery.trial import Trial, asked
from gyre_models.shifts import moved_world

TRIAL = Trial(0, "things+questions+form", 300, 0.95, 0.1, 0.95, 0.931, 60.0)


def test_a_case_is_shown_its_document_among_others_and_cites_it() -> None:
    world = moved_world(3)
    for one in asked(world.held_out[:40], world, 3):
        assert len(set(one.passages)) == 4
        value, number = one.answer.removesuffix("]").split(" / [")
        assert value.lower() in one.passages[int(number) - 1].lower()
        assert one.prompt.endswith(f"\n\nQuestion: {one.question}")
    assert list(asked(world.held_out, world, 3)) == list(asked(world.held_out, world, 3))


def test_ratios_are_to_the_quality_before_the_shift() -> None:
    assert TRIAL.recovered_ratio == 1
    assert round(TRIAL.retention_ratio, 3) == 0.98


def test_the_last_line_has_medians_and_intervals_around_them() -> None:
    trials = [replace(TRIAL, seed=seed, shifted_before=seed / 100) for seed in range(9)]
    result = table.result(trials)

    assert result["shifted_before"] == 0.04
    low, high = table.interval([one.shifted_before for one in trials])
    assert 0 <= low < 0.04 < high <= 0.08
    assert len(table.lines(trials)) == 1 + len(trials) + 2
