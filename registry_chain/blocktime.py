"""Block time: whole Unix seconds inside the chain, aware datetimes outside."""

from datetime import UTC, datetime


def utc(seconds: int) -> datetime:
    """The moment ``seconds`` after 1970-01-01T00:00:00Z."""
    return datetime.fromtimestamp(seconds, UTC)


def unix(moment: datetime) -> int:
    """Whole seconds since 1970, rounded down."""
    return int(moment.timestamp())
