import json
from dataclasses import asdict, replace
from pathlib import Path

from gyre_models.recovery import table
from gyre_models.recovery.__main__ import cut_off, kept
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


def test_only_figures_of_the_same_recipe_are_kept_and_no_line_that_was_cut_off(
    tmp_path: Path,
) -> None:
    lines = [json.dumps(asdict(replace(TRIAL, seed=seed)) | {"recipe": "a"}) for seed in (0, 1)]
    lines.append(json.dumps(asdict(replace(TRIAL, seed=2)) | {"recipe": "b"}))
    file = tmp_path / "trials.jsonl"
    file.write_text("\n".join(lines) + '\n{"seed": 3, "ship')
    assert sorted(kept(file, "a")) == [0, 1]
    assert cut_off(file)
