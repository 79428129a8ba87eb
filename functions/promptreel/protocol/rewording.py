"""Milder words for a scene that a safety filter refused, asked of the writer once and kept on the scene (D4).

A paid call like any other: claimed before it is sent, and asked again it pays nothing. Words that nobody can better
stay as they are; the next try then differs by its seed alone.
"""

from pydantic import ValidationError

from promptreel.domain import ids as names
from promptreel.domain import prompts
from promptreel.domain.job import Job
from promptreel.domain.models import registry
from promptreel.domain.scene import Rewording, Scene
from promptreel.domain.storyboard import StoryScene
from promptreel.ports import ArtifactStore, Clock, Ids, JobStore, Manuscript, Replace, Writer
from promptreel.protocol import tickets
from promptreel.protocol.ledger import Busy, Closed, Ledger, Paid, Superseded
from promptreel.protocol.paying import MAX_ATTEMPTS, Artifact, Made, pay
from promptreel.protocol.races import until_won


def reworded(
    job: Job,
    scene: Scene,
    *,
    jobs: JobStore,
    artifacts: ArtifactStore,
    writer: Writer,
    ledger: Ledger,
    clock: Clock,
    ids: Ids,
) -> Scene | Busy | Superseded:
    """The scene with the words its remedy asks for; unchanged when it asks for none. Raises: BudgetExceeded."""
    asked = scene.rewording
    if asked is None:
        return scene
    story = _rewrite(job, scene, asked, artifacts=artifacts, writer=writer, ledger=ledger, clock=clock)
    if isinstance(story, Busy | Superseded):
        return story

    def attempt() -> Scene:
        read = jobs.scene(job.id, scene.id)
        if read.value.rewording != asked:
            return read.value
        changed = read.value.evolve(rewording=None, updated=clock.now(), **_words(story))
        jobs.write(Replace(job.id, read, changed))
        return changed

    return until_won(attempt, clock, ids)


def _rewrite(
    job: Job,
    scene: Scene,
    asked: Rewording,
    *,
    artifacts: ArtifactStore,
    writer: Writer,
    ledger: Ledger,
    clock: Clock,
) -> StoryScene | Busy | Superseded | None:
    """At most three answers, each cooler than the last; None when none of them can be used."""
    model = registry().text_model(job.planned().text_model)
    prompt, tries = prompts.rewording_prompt(scene, asked.advice, asked.reason), 0
    for attempt in range(1, MAX_ATTEMPTS + 1):
        purpose = f"rewrite/{scene.id}/{asked.attempt}"
        manuscript = Manuscript(
            model=model.id,
            instruction=prompts.REWORDING_INSTRUCTION,
            prompt=prompt,
            schema=StoryScene,
            temperature=prompts.TEMPERATURES[tries],
            seed=tickets.seed(job, purpose, str(attempt)),
            max_output_tokens=tickets.REWORDING_TOKENS,
        )
        digest = names.digest(model.id, manuscript.instruction, prompt, str(manuscript.temperature))
        ticket = tickets.rewording(job, model, scene, purpose, attempt, digest, clock.now())

        def post(left_s: float, asked_for: Manuscript = manuscript) -> Made:
            written = writer.write(asked_for, left_s)
            return Made(written.text.encode(), written.usage, model.cost_micros(written.usage, clock.now()))

        artifact = Artifact(f"jobs/{job.id}/rewrites/{scene.id}-{ticket.call_id}.json", "application/json")
        claim = pay(ticket, artifact, post, ledger=ledger, artifacts=artifacts, clock=clock)
        if isinstance(claim, Paid):
            try:
                return StoryScene.model_validate_json(artifacts.get(artifacts.uri(artifact.path)))
            except ValidationError:
                tries += 1
        elif isinstance(claim, Closed):
            tries += claim.call.spends_remedy and job.counts(claim.call.updated)
        elif isinstance(claim, Busy | Superseded):
            return claim
        if tries == len(prompts.TEMPERATURES):
            return None
    return None


def _words(story: StoryScene | None) -> dict[str, object]:
    if story is None:
        return {}
    return {
        "description": story.description,
        "start_prompt": story.start_frame_prompt,
        "end_prompt": story.end_frame_prompt,
        "motion_prompt": story.motion_prompt,
    }
