"""``python -m tests.model FAULTS [cancel] [resume] [--workers N]``: explore a larger instance than the tests do."""

import argparse
import time

from tests.model.protocol import State, Worker
from tests.model.search import explore


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.model", description="Explore the protocol's model.")
    parser.add_argument("faults", type=int, help="how much may fail; 3 is a quarter of a million states, a minute")
    parser.add_argument("people", nargs="*", default=[], help="what the owner may do, once each: cancel, resume")
    parser.add_argument("--workers", type=int, default=1, help="processes of submit_clip")
    given = parser.parse_args()
    began = time.monotonic()
    explored = explore(State(given.faults, tuple(given.people), workers=(Worker(),) * given.workers))
    print(f"{explored.states} states in {time.monotonic() - began:.1f} s")
    for promise, finding in explored.findings.items():
        print(f"{promise}: {' | '.join(finding.trace)}\n    {finding.state}")
    if explored.findings:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
