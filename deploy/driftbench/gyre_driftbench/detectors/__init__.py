"""Detectors that are run: one file each, which imports what only it needs."""
