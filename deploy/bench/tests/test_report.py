import json
from dataclasses import replace
from typing import Any

from gyre_bench import report
from gyre_bench.plan import GEMMA, REFERENCE, Cell, Side

MACHINE = {"cpu": "Some CPU", "cores": 2, "flags": ["avx2"]}


def figures(tokens_per_s: float, added: float | None = None, **more: Any) -> dict[str, Any]:
    spread = {"p50": 1.0, "p95": 2.0, "p99": 3.0}
    return {
        "streamed": 96,
        "whole": 200,
        "tokens_per_s": tokens_per_s,
        "first_ms": spread,
        "wall_ms": spread,
        "added_ms": added and {"p50": added, "p95": added * 2, "p99": added * 3},
        "prompt_tokens": 1_000,
        "completion_tokens": 500,
        "cores": {"client": 0.1, "gateway": 0.25, "engine": 1.2, "drift": 0.04, "registry": 0.01},
    } | more


def of_gemma(side: Side, at_once: int = 16) -> Cell:
    return Cell(GEMMA, side, at_once, False)


def test_the_last_line_has_what_the_bench_is_for() -> None:
    measured = {
        of_gemma("bare"): figures(100),
        replace(of_gemma("bare"), round=2): figures(120),
        of_gemma("gateway"): figures(100),
        replace(of_gemma("gateway"), round=2): figures(109),
        of_gemma("inference"): figures(110),
        of_gemma("gateway", 1): figures(10, added=4.0),
        of_gemma("inference", 1): figures(10, added=2.0),
        Cell(REFERENCE, "gateway", 1, False): figures(10, added=99.0),
    }

    line = json.loads(json.dumps(report.summary(measured, MACHINE)))

    assert line["model"] == GEMMA
    assert line["throughput_ratio"] == 0.95  # of the means of both rounds
    assert line["throughput_ratio_grpc"] == 1.0
    assert (line["added_p50_ms"], line["added_p99_ms"]) == (4.0, 12.0)
    assert (line["added_grpc_p50_ms"], line["added_grpc_p99_ms"]) == (2.0, 6.0)
    assert line["litellm_added_p50_ms"] is None
    assert line["machine"] == MACHINE


def test_the_proxy_has_its_key_where_it_was_measured() -> None:
    measured = {
        of_gemma("litellm", 1): figures(9, added=20.0),
        of_gemma("gateway", 1): figures(9, added=5.0),
    }

    line = report.summary(measured, MACHINE)

    assert (line["litellm_added_p50_ms"], line["added_to_litellm"]) == (20.0, 0.25)


def test_of_a_model_alone_the_last_line_names_it() -> None:
    measured = {Cell(REFERENCE, "gateway", 1, False): figures(10, added=3.0)}

    line = report.summary(measured, MACHINE)

    assert (line["model"], line["added_p50_ms"]) == (REFERENCE, 3.0)
    assert line["throughput_ratio"] is None


def test_a_goal_stands_beside_what_was_measured_and_nothing_is_asserted() -> None:
    ratio, p50, *_ = report.GOALS
    line = {"throughput_ratio": 0.5, "added_p50_ms": None}

    assert ratio.judged(line) == "throughput_ratio: 0.5, wanted at least 0.95"
    assert p50.judged(line) == "added_p50_ms: not measured, wanted at most 5"


def test_the_table_has_a_row_a_cell_the_bare_engine_first() -> None:
    bare = figures(100, cores={"bare": 0.3, "engine": 1.6})
    measured = {of_gemma("gateway"): figures(95, added=4.0), of_gemma("bare"): bare}

    head, first, second = report.table(measured).splitlines()

    assert len(head) == len(first) == len(second)
    assert first.split() == (
        f"{GEMMA} without 16 bare 100.0 1.000 1.0 1.0 - - - 200 0.30 - - 1.60 - - 0.00".split()
    )
    assert second.split() == (
        f"{GEMMA} without 16 gateway 95.0 0.950 1.0 1.0 4.0 8.0 12.0 200 "
        "0.10 0.25 - 1.20 - - 0.05".split()
    )


def test_other_prompts_than_the_bare_engine_had_are_told() -> None:
    measured = {
        of_gemma("bare"): figures(100),
        of_gemma("inference"): figures(90),
        of_gemma("gateway"): figures(90, prompt_tokens=1_001),
    }

    [told] = report.unequal(measured)

    assert "gateway 16 at once: 1001 tokens in prompts, and 1000 for" in told
