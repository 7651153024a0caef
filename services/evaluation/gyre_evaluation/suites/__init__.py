"""Suites: frozen questions with their evidence and the answers that count as right."""

from gyre_evaluation.suites.content import MOVED, PRAISED, GivenPassage, Item, Suite
from gyre_evaluation.suites.moved import suites_of
from gyre_evaluation.suites.reading import read_suite
from gyre_evaluation.suites.shipped import shipped

__all__ = [
    "MOVED",
    "PRAISED",
    "GivenPassage",
    "Item",
    "Suite",
    "read_suite",
    "shipped",
    "suites_of",
]
