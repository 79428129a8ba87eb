"""When to look at a clip again: not before it can be ready, closely when it usually is, rarely when it is late (D2)."""

SOONEST = 0.25  # of the usual latency: Veo's best is far below its usual
DENSE_S = 10.0
LONGEST_S = 60.0


def wait_s(elapsed_s: float, usual_s: float) -> float:
    """Seconds until the next look, in production time, for a clip sent ``elapsed_s`` ago."""
    soonest = usual_s * SOONEST
    if elapsed_s < soonest:
        return soonest - elapsed_s
    late_s = elapsed_s - 2 * usual_s
    return DENSE_S if late_s <= 0 else min(LONGEST_S, DENSE_S + late_s / 4)
