"""The HTTP endpoints, a module a subject. Thin: convert, delegate, show."""
