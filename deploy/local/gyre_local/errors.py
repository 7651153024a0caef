"""What a person at the terminal is told."""


class StackError(Exception):
    """Something a person has to change; the message says what, in a line or with a log's end."""
