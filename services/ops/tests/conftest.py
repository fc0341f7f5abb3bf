"""A real Apache Kafka."""

from embedded.kafka_fixtures import kafka_server, kafka_servers, kafka_url

__all__ = ["kafka_server", "kafka_servers", "kafka_url"]
