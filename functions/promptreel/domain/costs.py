"""A cost that is not known yet: the amounts that it may come to, each with its probability. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce

MAX_AMOUNTS = 64  # kept of one cost: neighbouring amounts are joined, which moves none by a fiftieth of the range
NEGLIGIBLE = 1e-7


@dataclass(frozen=True, slots=True)
class Costs:
    """Probabilities by amount in micro-dollars. They add up to less than 1 where the rest is counted elsewhere."""

    probabilities: Mapping[int, float]

    @classmethod
    def exactly(cls, micros: int) -> "Costs":
        """A cost that is known."""
        return cls({micros: 1.0})

    @classmethod
    def any_of(cls, *cases: "Costs") -> "Costs":
        """The cost of whichever case occurs; the cases exclude one another."""
        found: dict[int, float] = {}
        for case in cases:
            for micros, probability in case.probabilities.items():
                found[micros] = found.get(micros, 0.0) + probability
        return cls(_join_neighbours(found))

    def when(self, probability: float) -> "Costs":
        """The case that this cost arises, with this probability."""
        return Costs({micros: share * probability for micros, share in self.probabilities.items() if probability})

    def plus(self, *others: "Costs") -> "Costs":
        """The sum with costs that do not depend on this one."""
        return reduce(_add, others, self)

    def up_to(self, limit_micros: int) -> "Costs":
        """The same cost where nothing beyond the limit can be paid."""
        return Costs.any_of(*(Costs({min(one, limit_micros): share}) for one, share in self.probabilities.items()))

    def at_mean(self) -> "Costs":
        """The same cost without its small differences: they do not matter beside what it is added to."""
        return Costs({round(self.mean): self.weight}) if self.probabilities else self

    @property
    def weight(self) -> float:
        """How probable it is that the cost arises at all."""
        return sum(self.probabilities.values())

    @property
    def mean(self) -> float:
        """The mean, in micro-dollars."""
        return sum(micros * share for micros, share in self.probabilities.items()) / self.weight

    def quantile(self, share: float) -> int:
        """The smallest amount that is not exceeded with this probability."""
        left = share * self.weight
        for micros, probability in sorted(self.probabilities.items()):
            left -= probability
            if left <= NEGLIGIBLE:
                return micros
        return max(self.probabilities)


def _add(one: Costs, other: Costs) -> Costs:
    if len(other.probabilities) == 1:  # of a stage that costs nothing there are many
        ((more, share),) = other.probabilities.items()
        return Costs({micros + more: probability * share for micros, probability in one.probabilities.items()})
    found: dict[int, float] = {}
    for micros, probability in one.probabilities.items():
        for more, share in other.probabilities.items():
            found[micros + more] = found.get(micros + more, 0.0) + probability * share
    return Costs(_join_neighbours(found))


def _join_neighbours(found: Mapping[int, float]) -> Mapping[int, float]:
    """Join amounts until few enough are left. Joined ones stand at their mean, so that the cost keeps its own."""
    kept = {micros: share for micros, share in found.items() if share > NEGLIGIBLE} or dict(found)
    if len(kept) <= MAX_AMOUNTS:
        return kept
    lowest = min(kept)
    width = (max(kept) - lowest) // MAX_AMOUNTS + 1
    bins: dict[int, tuple[float, float]] = {}
    for micros, share in kept.items():
        weight, sum_of_all = bins.get((micros - lowest) // width, (0.0, 0.0))
        bins[(micros - lowest) // width] = (weight + share, sum_of_all + micros * share)
    joined: dict[int, float] = {}
    for weight, sum_of_all in bins.values():
        micros = round(sum_of_all / weight)
        joined[micros] = joined.get(micros, 0.0) + weight
    return joined
