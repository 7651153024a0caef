"""Suites: frozen questions with their evidence and the answers that count as right."""

from gyre_evaluation.suites.content import GivenPassage, Item, Suite
from gyre_evaluation.suites.reading import read_suite
from gyre_evaluation.suites.shipped import shipped

__all__ = ["GivenPassage", "Item", "Suite", "read_suite", "shipped"]
