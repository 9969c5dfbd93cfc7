"""What this firm takes: decided here and in its configuration, never by what is presented."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone

JAPAN = timezone(timedelta(hours=9), "JST")  # no summer time since 1952


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The limits of a verification.

    Args:
        max_age: How old the newest block that a node gives may be.
        stapled_age: How old the block of a wallet's own proof may be, when no node can be reached.
        leeway: How far the clocks of issuer and firm may differ.
        binding_past: How long ago the holder may have signed.
        binding_future: How far ahead the holder's clock may be.
        profile_ages: For some profiles, how old a block may be, from a node or stapled; only ever
            less than what applies to all.
    """

    max_age: timedelta = timedelta(minutes=10)
    stapled_age: timedelta = timedelta(hours=24)
    leeway: timedelta = timedelta(seconds=60)
    binding_past: timedelta = timedelta(seconds=300)
    binding_future: timedelta = timedelta(seconds=60)
    profile_ages: Mapping[str, timedelta] = field(default_factory=dict)

    def age_for(self, profile: str) -> timedelta | None:
        """The limit of one profile, if it has its own [TRUST-10]."""
        return self.profile_ages.get(profile)


DEFAULT_POLICY = Policy()


def today_in_japan(now: datetime) -> date:
    """The date in Japan: ages and licences count by it, never by UTC."""
    return now.astimezone(JAPAN).date()
