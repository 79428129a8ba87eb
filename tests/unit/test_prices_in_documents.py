"""What a film costs at most, as the documents say it, is what the code reserves for it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from promptreel.domain import planning
from tests.fakes.services import PROTOCOLS

ROOT = Path(__file__).parents[2]
IDEA = (ROOT / "examples/lighthouse.txt").read_text(encoding="utf-8")
WRITTEN = datetime(2026, 11, 30, tzinfo=UTC)


def most_usd(quality: str, resolution: str) -> list[str]:
    """Storyboard, keyframes, clips and all of it, for the demo's film of four scenes of eight seconds."""
    request = {"prompt": IDEA, "quality": quality, "resolution": resolution}
    accepted, spec = planning.accept(request, WRITTEN, PROTOCOLS)
    storyboard, planned = planning.price_micros(accepted, spec, 4, WRITTEN)
    clips = 4 * spec.video.max_micros(8, accepted.resolution, WRITTEN, audio=True)
    return [f"${micros / 1e6:.2f}" for micros in (storyboard, planned - clips, clips, storyboard + planned)]


@pytest.mark.parametrize(("quality", "resolution"), [("draft", "720p"), ("standard", "720p"), ("best", "1080p")])
def test_deployment_guide_states_what_a_film_costs_at_most(quality: str, resolution: str) -> None:
    row = f"| {quality}, {resolution} | {' | '.join(most_usd(quality, resolution))} |"

    assert row in (ROOT / "docs/deploy.md").read_text(encoding="utf-8")


def test_readme_states_what_a_draft_costs_at_most() -> None:
    assert f"at most {most_usd('draft', '720p')[-1]}" in (ROOT / "README.md").read_text(encoding="utf-8")
