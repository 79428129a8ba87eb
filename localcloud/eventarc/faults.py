"""What Eventarc may do to events and is made to do here on order: deliver one twice, or a later one first."""

from collections.abc import Mapping
from typing import Any

from localcloud.deliveries import Draw, Duplicates, read_rate
from localcloud.serving import ApiError

DEFAULT_HOLD_S = 1.0
LONGEST_HOLD_S = 600.0


class Faults:
    def __init__(self) -> None:
        self.duplicates = Duplicates()
        self.clear()

    def clear(self) -> None:
        self.duplicates.clear()
        self._reorder = Draw()
        self._hold_s = DEFAULT_HOLD_S

    def order(self, wish: Mapping[str, Any]) -> None:
        """Replace the order: ``{"duplicate_rate", "reorder_rate": 0..1, "hold_s", "seed"}``; counts start again.

        An event drawn for reordering is held back for ``hold_s``, so that those reported meanwhile overtake it.

        Raises: ApiError.
        """
        rate, hold_s = read_rate(wish, "reorder_rate"), wish.get("hold_s", DEFAULT_HOLD_S)
        if isinstance(hold_s, bool) or not isinstance(hold_s, int | float) or not 0 < hold_s <= LONGEST_HOLD_S:
            raise ApiError(400, f"hold_s is a number of seconds up to {LONGEST_HOLD_S:g}, got {hold_s!r}.")
        self.duplicates.order({key: value for key, value in wish.items() if key not in {"reorder_rate", "hold_s"}})
        self._reorder, self._hold_s = Draw(rate, wish.get("seed", 0)), float(hold_s)

    def reorder_delay_s(self) -> float:
        """For how long the event at hand is kept from being delivered; usually 0."""
        return self._hold_s if self._reorder.triggers() else 0.0

    def report(self) -> dict[str, Any]:
        reordering = {"reorder_rate": self._reorder.rate, "hold_s": self._hold_s, "reordered": self._reorder.happened}
        return self.duplicates.report() | reordering
