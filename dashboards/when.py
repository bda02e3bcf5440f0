"""Instants as people read them: in the firm's zone, with UTC beside."""

from dataclasses import dataclass
from functools import cached_property
from zoneinfo import ZoneInfo

from schemas import instant


@dataclass(frozen=True)
class Clockface:
    """Shows instants (microseconds since 1970 UTC) in one IANA zone."""

    zone: str

    @cached_property
    def info(self) -> ZoneInfo:
        """The zone's rules. Raises ZoneInfoNotFoundError for an unknown name."""
        return ZoneInfo(self.zone)

    def local(self, at: int, pattern: str = "%Y-%m-%d %H:%M:%S") -> str:
        """``at`` in the zone; the last hours of year 9999, which the calendar cannot shift, in UTC."""
        try:
            return instant.to_datetime(at, self.info).strftime(pattern)
        except OverflowError:
            return instant.to_datetime(at).strftime(pattern)

    def day(self, at: int) -> str:
        """Month and day."""
        return self.local(at, "%m-%d")

    def time(self, at: int) -> str:
        """Hours, minutes, seconds."""
        return self.local(at, "%H:%M:%S")

    def exact(self, at: int) -> str:
        """Date and time with as many fraction digits as the instant has."""
        fraction = instant.text(at)[19:-1]
        return self.local(at) + fraction

    def utc(self, at: int) -> str:
        """RFC 3339 UTC."""
        return instant.text(at)
