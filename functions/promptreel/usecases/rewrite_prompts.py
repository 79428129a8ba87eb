"""Have the prompts of a scene rewritten to pass the safety filter that refused them.

A rewrite is a paid call: it is claimed before it is sent, and a repeated call returns the stored result. When no
usable rewrite comes, the prompts stay as they are; the next attempt then differs by its seed alone.
"""

from datetime import datetime

from promptreel.domain import prompts, storyboard
from promptreel.domain.job import Job
from promptreel.domain.models import registry
from promptreel.domain.scene import RewriteRequest, Scene
from promptreel.domain.storyboard import StoryScene
from promptreel.errors import QuotaExhausted, Transient
from promptreel.ledger.claims import Busy, Superseded
from promptreel.services import Services
from promptreel.usecases.text_calls import Question, Unusable, ask

MOST_TOKENS = 4096  # one scene's words, with room to think


def rewrite_refused_prompts(job: Job, scene: Scene, services: Services, until: datetime) -> Scene | Busy | Superseded:
    """The scene with the words its remedy asks for; unchanged when it asks for none. `Busy` when `until` comes first.

    Raises: BudgetExceeded; Transient when the writer's quota is exhausted.
    """
    asked = scene.rewording
    if asked is None:
        return scene
    model = registry().text_model(job.require_plan().text_model)
    question = _question(job, scene, asked)
    try:
        told = ask(job, model, question, services, until)
    except QuotaExhausted as error:  # the writer's: no reason for the clips' queue to slow down
        raise Transient(f"The writer: {error.message}", code=error.code, remedy=error.remedy) from error
    if isinstance(told, Busy | Superseded):
        return told

    def change(read: Scene) -> Scene | None:
        if read.rewording != asked:
            return None
        now = services.clock.now()
        if isinstance(told, Unusable):
            return read.evolve(rewording=None, updated=now)
        return read.with_prompts(told.answer, now)

    return services.jobs.update_scene(job.id, scene.id, change).after


def _question(job: Job, scene: Scene, asked: RewriteRequest) -> Question[StoryScene]:
    return Question(
        purpose=f"rewrite/{scene.id}/{asked.attempt}",
        instruction=prompts.REWRITE_INSTRUCTION,
        prompt=prompts.rewrite_prompt(scene, asked.advice, asked.reason),
        schema=StoryScene,
        read=storyboard.parse_scene,
        path=f"jobs/{job.id}/rewrites/{scene.id}",
        most_tokens=MOST_TOKENS,
        scene=scene,
    )
