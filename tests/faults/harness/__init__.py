"""Faults on a running stack, and checkers that judge what was recorded.

`make faults`; see tests/faults/README.md.
"""
