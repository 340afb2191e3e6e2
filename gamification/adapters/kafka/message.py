"""A message of the client as one of our records."""

from confluent_kafka import Message

from gamification.wire.envelope import Record


def record_of(message: Message) -> Record:
    """Of a message without an error."""
    headers = message.headers()
    return Record(
        message.topic() or "",
        message.partition() or 0,
        message.offset() or 0,
        message.timestamp()[1],
        message.key(),
        message.value(),
        tuple(headers) if headers else (),  # type: ignore[arg-type]
    )
