"""Calls to other services; their errors become ours."""
