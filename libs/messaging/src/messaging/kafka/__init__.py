"""The bus on Apache Kafka: FastStream's broker, aiokafka's clients. What is whose: docs/adr/0017."""

from messaging.kafka.address import KafkaAddress
from messaging.kafka.bus import KafkaBus
from messaging.kafka.topics import KafkaTopics, TopicState, safe_copies

__all__ = ["KafkaAddress", "KafkaBus", "KafkaTopics", "TopicState", "safe_copies"]
