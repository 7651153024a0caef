"""Faults on a running stack, and checkers that judge what was recorded.

`python -m tests.faults.harness TIER [ONLY]`, or `make faults`.
"""
