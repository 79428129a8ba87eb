"""What all calls share: the profile (latency, quota, seed), the quotas, the faults and the store."""

import json
import re
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from localcloud.serving import ApiError
from localcloud.vertex import chance
from localcloud.vertex.faults import Faults
from localcloud.vertex.registry import Models
from localcloud.vertex.storage import Storage
from localcloud.vertex.store import Store

# Without a profile everything is quick; these are real seconds and are not scaled.
QUICK_LATENCY_S: Mapping[str, float] = {"text": 0.1, "image": 0.3, "video": 1.0}
QUOTA_WINDOW_S = 60.0
KEPT_PROMPTS, KEPT_CHARS = 500, 200_000  # of the latest requests, in memory: what a test may want to read


@dataclass(frozen=True, slots=True)
class Profile:
    """``latency_s`` and ``quota_per_min`` go by glob of model id, the first match counts.

    ``time_scale`` multiplies every latency the profile sets, and the quota's minute.
    """

    time_scale: float = 1.0
    latency_s: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    quota_per_min: Mapping[str, int] = field(default_factory=dict)
    seed: int = 0
    gop_frames: int = 24
    open_gop: bool = False

    def latency(self, model_id: str, kind: str, *causes: object) -> float:
        """Real seconds one call takes."""
        for glob, (low, high) in self.latency_s.items():
            if fnmatchcase(model_id, glob):
                return self.time_scale * chance.between(low, high, self.seed, "latency", *causes)
        return QUICK_LATENCY_S[kind]

    def quota(self, model_id: str) -> int | None:
        return next((n for glob, n in self.quota_per_min.items() if fnmatchcase(model_id, glob)), None)

    @property
    def quota_window_s(self) -> float:
        return QUOTA_WINDOW_S * self.time_scale


def read(data: Mapping[str, Any]) -> Profile:
    """A profile from JSON; keys left out keep their defaults.

    Raises: ValueError naming what is wrong.
    """
    unknown = data.keys() - {each.name for each in fields(Profile)}
    if unknown:
        raise ValueError(f"a profile has no {', '.join(sorted(unknown))}")
    try:
        return replace(
            Profile(),
            time_scale=float(data.get("time_scale", 1.0)),
            latency_s={glob: _range(value) for glob, value in data.get("latency_s", {}).items()},
            quota_per_min={glob: int(value) for glob, value in data.get("quota_per_min", {}).items()},
            seed=int(data.get("seed", 0)),
            gop_frames=int(data.get("gop_frames", 24)),
            open_gop=bool(data.get("open_gop", False)),
        )
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"not a profile: {error}") from error


def write(profile: Profile) -> dict[str, Any]:
    """The JSON that `read` understands."""
    return {
        each.name: dict(value) if isinstance(value := getattr(profile, each.name), Mapping) else value
        for each in fields(Profile)
    }


def _range(value: Any) -> tuple[float, float]:
    low, high = value if isinstance(value, list | tuple) else (value, value)
    if not 0 <= float(low) <= float(high):
        raise ValueError(f"a latency is seconds or [least, most], not {value!r}")
    return float(low), float(high)


def clock_ahead(seconds: float) -> Callable[[], float]:
    """Seconds since the epoch, on a clock so far ahead: prices begin and change on a day."""
    return lambda: time.time() + seconds


class Quota:
    """A sliding window per base model and region; refused requests do not count."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._taken: defaultdict[tuple[str, str], deque[float]] = defaultdict(deque)

    def take(self, model_id: str, location: str, profile: Profile) -> None:
        """Raises: ApiError 429 when the window is full."""
        limit = profile.quota(model_id)
        if limit is None:
            return
        base_model = re.sub(r"-\d{3}$", "", model_id)
        taken, now = self._taken[base_model, location], self._now()
        while taken and taken[0] <= now - profile.quota_window_s:
            taken.popleft()
        if len(taken) >= limit:
            raise ApiError(
                429,
                "Quota exceeded for aiplatform.googleapis.com/online_prediction_requests_per_base_model "
                f"with base model: {base_model}. Please submit a quota increase request.",
            )
        taken.append(now)

    def clear(self) -> None:
        self._taken.clear()


@dataclass(slots=True)
class Standin:
    """``workers`` paint and render, never more at once than there are cores; ``now`` is seconds since the epoch."""

    store: Store
    storage: Storage
    workers: ThreadPoolExecutor
    models: Models
    first_profile: Profile = field(default_factory=Profile)
    now: Callable[[], float] = time.time
    profile: Profile = field(init=False)
    faults: Faults = field(init=False)
    quota: Quota = field(init=False)
    prompts: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT_PROMPTS))

    def __post_init__(self) -> None:
        """Go on as before a restart: orders given over the control surface outlive the process."""
        saved = self.store.saved("profile")
        self.profile = read(saved) if saved else self.first_profile
        self.faults = Faults()
        if counted := self.store.saved("faults"):
            self.faults.load(counted)
        self.quota = Quota(self.now)

    @property
    def today(self) -> datetime:
        return datetime.fromtimestamp(self.now(), UTC)

    def behave(self, ordered: Mapping[str, Any]) -> None:
        """Raises: ValueError for something that is not a profile."""
        self.profile = read(ordered)
        self.store.save("profile", write(self.profile))

    def keep_prompt(self, body: Mapping[str, Any]) -> None:
        """Keep what a request says, for `/_local/requests`."""
        self.prompts.append(json.dumps(body, ensure_ascii=False)[:KEPT_CHARS])

    def save_faults(self) -> None:
        self.store.save("faults", self.faults.json())

    def reset(self) -> None:
        """As at the first start: no operations, no bills, no orders. Running clips must have been stopped before."""
        self.store.clear()
        self.profile = self.first_profile
        self.faults = Faults()
        self.quota.clear()
        self.prompts.clear()
