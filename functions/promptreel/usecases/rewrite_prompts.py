"""Have the prompts of a scene rewritten to pass the safety filter that refused them.

A rewrite is a paid call: it is claimed before it is sent, and a repeated call returns the stored result. When no
usable rewrite comes, the prompts stay as they are; the next attempt then differs by its seed alone.
"""

from datetime import datetime

from promptreel.domain import prompts, storyboard
from promptreel.domain.job import Job
from promptreel.domain.models import registry
from promptreel.domain.scene import Scene
from promptreel.domain.storyboard import StoryScene
from promptreel.errors import QuotaExhausted, Transient
from promptreel.ledger.claims import Busy, Superseded
from promptreel.services import Services
from promptreel.usecases.text_calls import NoUsableAnswer, Question, ask

MOST_TOKENS = 4096  # one scene's words, with room to think


def rewrite_refused_prompts(job: Job, scene: Scene, services: Services, until: datetime) -> Scene | Busy | Superseded:
    """The scene with rewritten prompts; unchanged when no rewrite is due. `Busy` when `until` comes first.

    Raises: BudgetExceeded; Transient when the text model's quota is exhausted.
    """
    rewrite = scene.rewording
    if rewrite is None:
        return scene
    model = registry().text_model(job.require_plan().text_model)
    question = Question(
        purpose=f"rewrite/{scene.id}/{rewrite.attempt}",
        instruction=prompts.REWRITE_INSTRUCTION,
        prompt=prompts.rewrite_prompt(scene, rewrite.advice, rewrite.reason),
        schema=StoryScene,
        read=storyboard.parse_scene,
        path=f"jobs/{job.id}/rewrites/{scene.id}",
        most_tokens=MOST_TOKENS,
        scene=scene,
    )
    try:
        answer = ask(job, model, question, services, until)
    except QuotaExhausted as error:  # not the video model's quota: the clip queue need not slow down
        raise Transient(f"The writer: {error.message}", code=error.code, remedy=error.remedy) from error
    if isinstance(answer, Busy | Superseded):
        return answer

    def change(read: Scene) -> Scene | None:
        if read.rewording != rewrite:
            return None
        now = services.clock.now()
        if isinstance(answer, NoUsableAnswer):
            return read.evolve(rewording=None, updated=now)
        return read.with_prompts(answer.value, now)

    return services.jobs.update_scene(job.id, scene.id, change).after
