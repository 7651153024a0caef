"""Suites: frozen questions with their evidence and the answers that count as right."""

from gyre_evaluation.suites.content import MOVED, GivenPassage, Item, Suite
from gyre_evaluation.suites.moved import moved_suite
from gyre_evaluation.suites.reading import read_suite
from gyre_evaluation.suites.shipped import shipped

__all__ = ["MOVED", "GivenPassage", "Item", "Suite", "moved_suite", "read_suite", "shipped"]
