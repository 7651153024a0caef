"""The stages of the curriculum."""

from __future__ import annotations

from gyre_models.facts import Style

PLAIN = Style(
    passages=(1, 4),
    facts=(1, 1),
    questions=(4, 4),
    missing=0.1,
    plain=1.0,
    novel=0.0,
    filler=0.0,
    distinct=True,
)
"""One fact a passage, one wording: finding the passage and nothing else."""

VARIED = Style(passages=(1, 4), facts=(1, 2), questions=(4, 6), distinct=True)
"""Paraphrases, two facts a passage, names of several tokens, refusals."""

FULL = Style(
    passages=(0, 5),
    facts=(1, 3),
    questions=(4, 7),
    missing=0.25,
    novel=0.2,
    filler=0.3,
    distinct=True,
)
"""As served: up to five passages of up to three facts, and text that says nothing."""

STAGES = {"plain": PLAIN, "varied": VARIED, "full": FULL}
