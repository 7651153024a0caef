"""Measures Gyre beside the bare parts: `make bench-serving`, `-startup`, `-training`."""
