"""Requests per minute and base model, refused with the provider's own words."""

import re
from collections import defaultdict, deque
from collections.abc import Callable

from localcloud.serving import ApiError
from localcloud.vertex.profile import Profile


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
