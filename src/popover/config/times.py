"""Times of day, and so much in so many seconds."""

from dataclasses import dataclass
from datetime import time


@dataclass(frozen=True, slots=True)
class HourRange:
    """From `start` up to, not including, `end`. Ends before it starts: it goes over midnight."""

    start: time
    end: time  # 00:00 is the end of the day, written 24:00

    def contains(self, moment: time) -> bool:
        """Whether this local time of day lies inside. Equal start and end are the whole day."""
        if self.start < self.end:
            return self.start <= moment < self.end
        return moment >= self.start or moment < self.end

    def __str__(self) -> str:
        end = f"{self.end:%H:%M}"
        return f"{self.start:%H:%M}-{'24:00' if end == '00:00' else end}"


@dataclass(frozen=True, slots=True)
class Hours:
    """The times of day at which a service lets clients in, in this machine's local time."""

    ranges: tuple[HourRange, ...]

    def contains(self, moment: time) -> bool:
        """Whether this local time of day lies inside one of the ranges."""
        return any(hours.contains(moment) for hours in self.ranges)

    def __str__(self) -> str:
        return " ".join(map(str, self.ranges))


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `sessions` new sessions in any `seconds`."""

    sessions: int  # 1 or more
    seconds: float

    def __str__(self) -> str:
        seconds = int(self.seconds) if self.seconds == int(self.seconds) else self.seconds
        return f"{self.sessions}/{seconds}s"
