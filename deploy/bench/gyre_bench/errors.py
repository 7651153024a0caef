class BenchError(Exception):
    """Nothing can be measured, or what was measured cannot be compared; says why."""
