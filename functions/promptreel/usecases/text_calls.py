"""Request text in a given shape from the text model, at most three times, each time with another seed.

Every answer is a paid call, claimed before it is sent and stored; a repeated step returns the stored answers and makes
no paid call. Each question follows from the stored answers, so a repeated step sends the same ones.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, TypeVar

from pydantic import BaseModel

from promptreel.domain import identifiers, prompts, recovery, storyboard, styles
from promptreel.domain.job import Job
from promptreel.domain.models import TextModel, registry
from promptreel.domain.planning import REWRITE_TOKENS
from promptreel.domain.prompts import Feedback
from promptreel.domain.remedies import MAX_TRIES
from promptreel.domain.scene import Scene
from promptreel.domain.storyboard import SceneTexts, schema_text
from promptreel.domain.tariffs import count_tokens_at_most, raise_output_limit, text_tariff
from promptreel.errors import QuotaExhausted, Transient
from promptreel.ledger import call_requests
from promptreel.ledger.claims import Busy, Paid, Superseded
from promptreel.ledger.paid_calls import MAX_ATTEMPTS, Made, Order, pay
from promptreel.ports.models import Declined, TextRequest
from promptreel.services import Services

A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class SeenPicture:
    """A stored picture that a question shows; ``checksum`` is None for one stored before checksums were."""

    uri: str
    checksum: str | None


@dataclass(frozen=True, slots=True)
class Question(Generic[A]):
    """What is asked of the text model; everything else that a call needs follows from it."""

    purpose: str
    instruction: str
    prompt: str
    schema: type[BaseModel]
    read: Callable[[str], A]
    """Parse the answer's text. Raises: ValueError with a sentence for the model."""
    path: str
    """Prefix of the paths where its answers are stored."""
    most_tokens: int
    """Output limit of the first answer; one that was cut off raises it."""
    scene: Scene | None = None
    pictures: tuple[SeenPicture, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer(Generic[A]):
    """A usable answer, and where it is stored."""

    value: A
    uri: str


@dataclass(frozen=True, slots=True)
class NoUsableAnswer:
    """How many attempts were made, what was wrong with the last, and the token limit that cut it off, if one did."""

    tries: int
    fault: str
    cut_off_at: int | None = None
    last: str = ""
    """The last answer that came."""
    uri: str | None = None
    """Where it is stored."""


def ask(
    job: Job, model: TextModel, question: Question[A], services: Services, until: datetime
) -> Answer[A] | NoUsableAnswer | Busy | Superseded:
    """Make attempts until an answer can be used; `Busy` when `until` comes first.

    Raises: QuotaExhausted; BudgetExceeded; Misconfigured.
    """
    artifacts, clock = services.artifacts, services.clock
    feedback, fault, cut_offs, cut_off_at, tries = Feedback(), "", 0, None, 0
    stored: str | None = None
    for attempt in range(1, MAX_ATTEMPTS + 1):
        limit = raise_output_limit(question.most_tokens, cut_offs, model.max_output_tokens)
        request = TextRequest(
            model=model.id,
            instruction=question.instruction,
            prompt=styles.replace_names(prompts.add_feedback(question.prompt, feedback)),
            schema=question.schema,
            seed=call_requests.seed(job, question.purpose, str(attempt)),
            max_output_tokens=limit,
            thinking_level=model.thinking_level,
            pictures=tuple(picture.uri for picture in question.pictures),
        )
        sent = count_tokens_at_most(request.instruction, request.prompt, schema_text(request.schema))
        tariff = text_tariff(model, sent, limit, services.text.location, len(request.pictures))
        cache_key = _cache_key(job, request, question)
        seen = [picture.checksum or picture.uri for picture in question.pictures]
        digest = identifiers.digest(
            request.model, request.instruction, request.prompt, str(request.seed), str(limit), *seen
        )
        this_attempt = call_requests.Attempt(attempt, digest, clock.now(), cache_key)
        call = call_requests.text_or_picture(job, tariff, question.purpose, question.scene, this_attempt)

        def post(left_s: float, request: TextRequest = request) -> Made | Declined:
            answer = services.text.generate_text(request, left_s)
            return answer if isinstance(answer, Declined) else Made(answer.text.encode(), answer.usage)

        path = f"{question.path}-{call.call_id}.json"
        order = Order(call, path, "application/json", tariff, until, services.text.connect)
        claim = pay(order, post, services.ledger, artifacts, clock)
        if isinstance(claim, Busy | Superseded):
            return claim
        cut_off_at = None
        if isinstance(claim, Paid):
            uri = claim.call.artifact or artifacts.uri(path)
            stored = uri
            answer = (artifacts.get(uri) if claim.answer is None else claim.answer).decode()
            try:
                return Answer(question.read(answer), uri)
            except ValueError as error:
                fault = str(error)
                feedback = replace(feedback, answer=answer, fault=fault)
        else:
            following = recovery.choose_next_model(job, model, claim.call, registry().text_model)
            if following is not model:
                model = following
                continue
            fault = claim.call.reason
            if claim.call.was_cut_off:
                cut_offs, cut_off_at = cut_offs + 1, limit
                feedback = Feedback(max_words=prompts.MAX_WORDS // cut_offs)
        tries += claim.call.counts_as_attempt and job.counts_toward_limit(claim.call.updated)
        if tries == MAX_TRIES:
            break
    return NoUsableAnswer(tries, fault, cut_off_at, feedback.answer, stored)


def _cache_key(job: Job, request: TextRequest, question: Question[A]) -> str | None:
    """Of the question and not of the attempt: an answer that took several attempts is found by the first one.

    None for rewritten prompts: they are a remedy, and a remedy repeats nothing. None for pictures without checksum.
    """
    checksums = [picture.checksum for picture in question.pictures if picture.checksum]
    if question.scene is not None or len(checksums) < len(question.pictures):
        return None
    asked = (question.instruction, question.prompt, schema_text(question.schema), request.thinking_level, *checksums)
    return call_requests.cache_key(job, request.seed, "text", request.model, *asked)


def rewrite_refused_prompts(job: Job, scene: Scene, services: Services, until: datetime) -> Scene | Busy | Superseded:
    """The scene with its prompts rewritten to pass the safety filter that refused them; unchanged when none is due.

    `Busy` when `until` comes first. When no usable rewrite comes, the prompts stay as they are; the next attempt then
    differs by its seed alone.

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
        schema=SceneTexts,
        read=storyboard.parse_scene,
        path=f"jobs/{job.id}/rewrites/{scene.id}",
        most_tokens=REWRITE_TOKENS,
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
