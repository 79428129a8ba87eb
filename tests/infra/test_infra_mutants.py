"""A planted defect is noticed; `python -m tests.infra.mutate` plants two thousand, which takes half an hour (H4)."""

from tests.infra import inventory
from tests.infra.mutants import mutants
from tests.infra.mutate import judged
from tools.terraform.terraform import ROOT, Workspace


def test_defects_of_every_kind_then_are_made_by_the_hundred() -> None:
    found = mutants(ROOT / "infra")
    kinds = {mutant.kind for mutant in found}

    assert len(found) >= 1000
    assert {"misspelt", "grant", "public", "account", "number", "protection", "duration", "log level", "alert"} <= kinds
    assert {"label", "version", "reference", "removed line", "removed block", "added", "config extra"} <= kinds


def test_planted_defect_then_is_noticed_and_taken_out_again(place: Workspace) -> None:
    public = next(mutant for mutant in mutants(place.infra) if mutant.kind == "public")
    before = (place.infra / public.file).read_text(encoding="utf-8")

    verdict = judged(place, public, inventory.FILE.read_text(encoding="utf-8"))

    assert verdict.killer.startswith("rule: ")
    assert (place.infra / public.file).read_text(encoding="utf-8") == before
