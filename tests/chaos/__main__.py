"""``python -m tests.chaos``: kill anything at any time, then look whether anything was paid twice or lost.

Ends with 1 when an invariant is broken, and then prints the seed and the end of the history.
"""

import argparse
import random
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.chaos import faults, invariants, plan
from tests.chaos.run import Outcome, Terms, carry_out

OUT = Path("out/chaos")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, help="of a run to be played again (default: a new one)")
    parser.add_argument("--jobs", type=int, default=40)
    parser.add_argument("--repeats", type=int, help="jobs more that repeat another one's request (default: a fifth)")
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--minutes", type=float, default=20.0, help="over which the kills are spread (default: 20)")
    parser.add_argument("--limit", type=float, help="minutes after which the run gives up (default: twice that + 10)")
    parser.add_argument("--at-once", type=int, default=8, help="jobs under way at the same time (default: 8)")
    parser.add_argument("--focus", default="", help="kill only these programs: names with commas between")
    parser.add_argument("--faults", type=float, default=1.0, help="factor on the rate of every fault (default: 1)")
    parser.add_argument("--no-changes", action="store_true", help="templates, models and documents stay as they are")
    parser.add_argument("--out", type=Path, help=f"folder for history and logs (default: {OUT}/SEED)")
    options = parser.parse_args()
    if unknown := set(filter(None, options.focus.split(","))) - plan.TARGETS.keys():
        parser.error(f"--focus: no program is called {', '.join(sorted(unknown))}; there are {', '.join(plan.TARGETS)}")
    return options


def main() -> int:
    options, console = _arguments(), Console()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**6)
    chosen = set(options.focus.split(",")) if options.focus else set(plan.TARGETS)
    targets = {name: weight for name, weight in plan.TARGETS.items() if name in chosen}
    repeats = options.jobs // 5 if options.repeats is None else options.repeats
    size = {"jobs": options.jobs, "kills": options.kills, "minutes": options.minutes, "repeats": repeats}
    drawn = plan.draw(seed, **size, targets=targets, moments=() if options.no_changes else plan.MOMENTS)
    limit_min = options.limit or 2 * options.minutes + 10
    folder = (options.out or OUT / str(seed)).resolve()
    console.print(f"seed {seed}: {options.jobs} jobs, {options.kills} kills; history in {folder}/history.txt")
    (folder / "history.txt").unlink(missing_ok=True)
    outcome = carry_out(drawn, Terms(options.at_once, faults.rules(options.faults), 60 * limit_min), folder)
    console.print(_figures(outcome))
    if not outcome.broken:
        console.print(f"seed {seed}: every invariant holds")
        return 0
    console.print(f"seed {seed}: {len(outcome.broken)} contradictions", style="bold red")
    for contradiction in outcome.broken:
        console.print(contradiction, markup=False, soft_wrap=True)
    console.print(outcome.history.tail(), markup=False, soft_wrap=True)
    return 1


def _figures(outcome: Outcome) -> Table:
    evidence, killer = outcome.evidence, outcome.killer
    states = [call["state"] for _, call in evidence.calls()]
    ledger, bill = invariants.ledger_micros(evidence), invariants.bill_micros(evidence)
    unknown = invariants.unknown_micros(evidence)
    complete = sum(submission.state == "COMPLETE" for submission in evidence.submissions)
    longest_s = max(submission.lasted_s for submission in evidence.submissions)
    table = Table(show_header=False)
    by_process = ", ".join(f"{name} {count}" for name, count in killer.by_process.most_common())
    faults_seen = ", ".join(f"{name} {count}" for name, count in sorted(evidence.faults_seen.items()))
    rows = {
        "kills": f"{killer.made}, {killer.at_boundaries} of them at a step boundary",
        "of": by_process,
        "changes": ", ".join(outcome.changes.made),
        "jobs": f"{len(evidence.submissions)}, {complete} complete",
        "resumes": str(sum(submission.resumes for submission in evidence.submissions)),
        "calls": ", ".join(f"{states.count(state)} {state}" for state in sorted(set(states))),
        "copies": str(sum(bool(call["source"]) for _, call in evidence.calls())),
        "videos paid twice": str(len(list(invariants.no_video_paid_twice(evidence)))),
        "videos lost": str(len(list(invariants.no_delivered_video_lost(evidence)))),
        "ledger - bill": f"{ledger} - {bill} = {ledger - bill} micro-dollars; {unknown} allowed for unknown costs",
        "faults seen": faults_seen,
        "boundaries seen": str(outcome.boundaries_seen),
        "duration": f"{outcome.lasted_s:.0f} s, the longest job {longest_s:.0f} s",
    }
    for what, figure in rows.items():
        table.add_row(what, figure)
    return table


if __name__ == "__main__":
    sys.exit(main())
