"""Time and randomness that tests decide."""

from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


class FakeClock:
    """Stands still; `sleep` and `pass_s` move it. It may be off the true time, as one machine is off another."""

    def __init__(self) -> None:
        self._now = START
        self._off_by = timedelta()

    def now(self) -> datetime:
        return self._now + self._off_by

    def true_now(self) -> datetime:
        return self._now

    def is_off_by(self, seconds: float) -> None:
        self._off_by = timedelta(seconds=seconds)

    def sleep(self, seconds: float) -> None:
        self.pass_s(seconds)

    def pass_s(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


class FakeIds:
    """Counts."""

    def __init__(self) -> None:
        self._count = 0

    def new_token(self) -> str:
        self._count += 1
        return f"token-{self._count}"

    def jitter(self) -> float:
        return 0.5
