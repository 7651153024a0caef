"""Measures Gyre beside a bare engine: `make bench-serving` and `make bench-startup`."""
