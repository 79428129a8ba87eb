"""How the stand-in behaves in time: latencies, quotas and the seed, as ordered over the control surface."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from fnmatch import fnmatchcase
from typing import Any

from localcloud.vertex import chance

# Without a profile everything is quick; these are real seconds and are not scaled.
QUICK_LATENCY_S: Mapping[str, float] = {"text": 0.1, "image": 0.3, "video": 1.0}
QUOTA_WINDOW_S = 60.0


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
