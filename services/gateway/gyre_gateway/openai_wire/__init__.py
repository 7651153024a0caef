"""OpenAI's HTTP shapes as plain values: nothing here knows the web, Kafka or gRPC."""
