"""A log in memory, on which a service's real handlers are killed thousands of times.

What is real: handlers, subscribers, middlewares, codec, the outbox's relay, the database. What is
not: Kafka. A kill freezes the process at a named point, as SIGKILL does: what the database and the
log hold at that moment is all that the next life finds.
"""
