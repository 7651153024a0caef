"""Two domains as documents: what the reference model knows, and what comes after a shift."""

from gyre_models.shifts.known import known_world
from gyre_models.shifts.moved import Shift, moved_world, shift_of
from gyre_models.shifts.worlds import Case, Document, World

__all__ = ["Case", "Document", "Shift", "World", "known_world", "moved_world", "shift_of"]
