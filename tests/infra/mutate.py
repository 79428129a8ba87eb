"""Does the suite notice? ``python -m tests.infra.mutate [--sample N] [--seed N]`` plants defects and counts.

A mutant is killed when Terraform refuses it, a rule speaks, a grant differs from the table, a value from the
inventory, or, for variables, one of Terraform's own tests fails. Prints every survivor; ends 1 when there is one.
"""

import argparse
import random
import re
import sys
from collections import Counter
from dataclasses import dataclass

from tests.infra import access_table, inventory
from tests.infra.mutants import Mutant, mutants
from tests.infra.policy import access
from tests.infra.policy.everything import faults
from tests.infra.policy.options import OPTIONS, faults_of_options
from tests.infra.policy.plan import VARIABLES, Plan
from tools.terraform.terraform import PlanFailed, Workspace, workspace


@dataclass(frozen=True, slots=True)
class Verdict:
    mutant: Mutant
    killer: str
    """Empty for a survivor."""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=0, help="how many, chosen at random; all when 0")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--share", default="1/1", help="K/N: only every N-th, beginning with the K-th")
    parser.add_argument("--only", default="", help="a regular expression over kind, file and edit")
    parser.add_argument("--verbose", action="store_true", help="print those that are killed too")
    chosen = parser.parse_args(arguments)
    with workspace() as place:
        wanted = inventory.FILE.read_text(encoding="utf-8")
        made = [one for one in mutants(place.infra) if re.search(chosen.only, f"{one.kind}: {one.file}: {one.edit}")]
        planted = sample(made, chosen.sample, chosen.seed)
        first, step = map(int, chosen.share.split("/"))
        verdicts = [_told(judged(place, mutant, wanted), chosen.verbose) for mutant in planted[first - 1 :: step]]
    killers = Counter(verdict.killer.split(":")[0] for verdict in verdicts)
    survivors = [verdict.mutant for verdict in verdicts if not verdict.killer]
    sys.stdout.write(f"{len(verdicts)} mutants, {len(survivors)} survived; killed by {dict(killers)}\n")
    return 1 if survivors else 0


def _told(verdict: Verdict, every: bool) -> Verdict:
    """Survivors are printed when they are met: a whole run takes long."""
    one = verdict.mutant
    if every or not verdict.killer:
        fate = f"killed by {verdict.killer}" if verdict.killer else "SURVIVED"
        sys.stdout.write(f"{fate}: {one.kind}: {one.file}:{one.line}: {one.edit}\n")
        sys.stdout.flush()
    return verdict


def sample(planted: list[Mutant], count: int, seed: int) -> list[Mutant]:
    return random.Random(seed).sample(planted, min(count, len(planted))) if count else planted


def judged(place: Workspace, mutant: Mutant, wanted: str) -> Verdict:
    """Plant it, look, take it out again."""
    file = place.infra / mutant.file
    before = file.read_text(encoding="utf-8")
    file.write_text(mutant.text, encoding="utf-8")
    try:
        return Verdict(mutant, _killer(place, mutant, wanted))
    except PlanFailed:
        return Verdict(mutant, "terraform")
    finally:
        file.write_text(before, encoding="utf-8")


def _killer(place: Workspace, mutant: Mutant, wanted: str) -> str:
    plan = Plan(place.plan(VARIABLES), place.infra)
    said = faults(plan)
    if said:
        return f"rule: {next(iter(said))}"
    if access.grants(plan) != access_table.table():
        return "access table"
    if inventory.text(plan) != wanted:
        return "inventory"
    if list(faults_of_options(Plan(place.plan(OPTIONS), place.infra))):
        return "options"
    if mutant.file.endswith(".tf") and place.run("test", "-no-color").code:
        return "terraform test"
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
