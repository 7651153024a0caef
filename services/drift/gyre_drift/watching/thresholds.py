"""From the wanted time between false alarms to the threshold of a detector.

Source:
    Siegmund, "Sequential Analysis", 1985, chapter 10: the average run length of a CUSUM with
    normal increments; 1.166 corrects for the overshoot. Measured within 10 %.
"""

from math import exp

DRIFT = 0.25  # k: half of the shift, in standard deviations, that is wanted to be found
OVERSHOOT = 1.166
ADWIN_DELTA = 1e-4  # 12 of these raised no false alarm in 24,000 events of unchanged shares


def run_length(threshold: float, drift: float = DRIFT) -> float:
    """Return the mean number of events between false alarms on standard normal ones.

    >>> round(run_length(15), -3)
    26000.0
    """
    b = threshold + OVERSHOOT
    return (exp(2 * drift * b) - 2 * drift * b - 1) / (2 * drift**2)


def threshold_for(events: float, drift: float = DRIFT) -> float:
    """Return the threshold whose false alarms are so many events apart.

    >>> abs(run_length(threshold_for(50_000)) - 50_000) < 1
    True
    """
    low, high = 0.0, 200.0
    for _ in range(100):
        middle = (low + high) / 2
        if run_length(middle, drift) < events:
            low = middle
        else:
            high = middle
    return high


def share_of(events: float, detectors: int) -> float:
    """Return what each of so many detectors may have, for all of them together: hazards add.

    >>> share_of(50_000, 3)
    150000
    """
    return events * detectors
