"""When to poll a clip again: not before it can be ready, often when it usually is, rarely when it is late."""

SOONEST = 0.25  # of the usual latency: Veo's shortest is far below its usual one
DENSE_S = 10.0
LONGEST_S = 60.0


def wait_s(elapsed_s: float, usual_s: float) -> float:
    """Production seconds until the next poll, for a clip sent ``elapsed_s`` production seconds ago."""
    soonest = usual_s * SOONEST
    if elapsed_s < soonest:
        return soonest - elapsed_s
    late_s = elapsed_s - 2 * usual_s
    return DENSE_S if late_s <= 0 else min(LONGEST_S, DENSE_S + late_s / 4)
