"""Sums that go with the stream are what the library computes anew for each question."""

from typing import Any

import numpy as np
import pytest

from gyre_driftbench.detectors.frouros import Sums, gaussian

SIGMA, WINDOW = 1.1, 20
RNG = np.random.default_rng(0)


def unit(count: int) -> Any:
    vectors = RNG.normal(size=(count, 16)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def whole(reference: Any, window: Any) -> float:
    """Return the unbiased squared discrepancy, by its formula."""
    n, m = len(reference), len(window)
    return float(
        (gaussian(reference, reference, SIGMA).sum() - n) / (n * (n - 1))
        + (gaussian(window, window, SIGMA).sum() - m) / (m * (m - 1))
        - 2 * gaussian(reference, window, SIGMA).mean()
    )


def test_sums_are_the_formula() -> None:
    reference, stream = unit(100), unit(70)
    sums = Sums(reference, WINDOW, SIGMA)
    found = [sums.add(vector) for vector in stream]
    assert np.isnan(found[: WINDOW - 1]).all()
    for end in range(WINDOW, len(stream) + 1):
        assert found[end - 1] == pytest.approx(
            whole(reference, stream[end - WINDOW : end]), abs=1e-6
        )


def test_sums_are_what_the_library_says() -> None:
    streaming = pytest.importorskip("frouros.detectors.data_drift.streaming")
    reference, stream = unit(100), unit(70)
    library = streaming.MMD(window_size=WINDOW, kernel=lambda x, y: gaussian(x, y, SIGMA))
    library.fit(X=reference)
    sums = Sums(reference, WINDOW, SIGMA)
    for vector in stream:
        said, _ = library.update(value=vector)
        found = sums.add(vector)
        if said is not None:
            assert found == pytest.approx(float(said.distance), abs=1e-6)
