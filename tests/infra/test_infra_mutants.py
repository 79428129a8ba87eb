"""A few planted defects, all of them noticed; `python -m tests.infra.mutate` plants all, which takes an hour (H4)."""

import json

from tests.infra import inventory
from tests.infra.mutants import Mutant, mutants
from tests.infra.mutate import judged
from tests.infra.offline.terraform import ROOT, workspace

# Kinds that Terraform takes and the rules must notice.
KINDS = ("public", "added")
NEUTRAL = "infra/config/queues.json"


def planted() -> list[Mutant]:
    found = mutants(ROOT / "infra")
    return [next(mutant for mutant in found if mutant.kind == kind) for kind in KINDS]


def test_defects_of_every_kind_then_are_made_by_the_hundred() -> None:
    found = mutants(ROOT / "infra")
    kinds = {mutant.kind for mutant in found}

    assert len(found) >= 1000
    assert {"misspelt", "grant", "public", "account", "number", "protection", "duration", "log level", "alert"} <= kinds
    assert {"label", "version", "reference", "removed line", "removed block", "added", "config extra"} <= kinds


def test_planted_defects_then_are_noticed_and_nothing_else_is() -> None:
    wanted = inventory.FILE.read_text(encoding="utf-8")
    text = (ROOT / NEUTRAL).read_text(encoding="utf-8")
    neutral = Mutant(
        "none", NEUTRAL.removeprefix("infra/"), 0, json.dumps(json.loads(text), indent=4), "spelled otherwise"
    )
    with workspace() as place:
        verdicts = [judged(place, mutant, wanted) for mutant in (*planted(), neutral)]

    assert [verdict.mutant.edit for verdict in verdicts if not verdict.killer] == ["spelled otherwise"]
    assert {verdict.killer.split(":")[0] for verdict in verdicts[:-1]} == {"rule"}
