"""Tables and every query, by subject. Nothing here commits."""
