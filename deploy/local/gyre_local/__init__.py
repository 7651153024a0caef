"""The stack of one machine: Kafka and every service as supervised processes."""
