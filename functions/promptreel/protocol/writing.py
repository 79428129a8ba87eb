"""Text in a given shape, asked of the writer at most three times, each time with another seed (B2, D4).

Every answer is a paid call, claimed before it is sent and kept: asked again, none is paid again.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel

from promptreel.domain import ids as names
from promptreel.domain import succession
from promptreel.domain.job import Job
from promptreel.domain.models import TextModel, registry
from promptreel.domain.scene import Scene
from promptreel.domain.tariffs import text_tariff, tokens_at_most
from promptreel.ports import ArtifactStore, Clock, Declined, Manuscript, Writer
from promptreel.protocol import tickets
from promptreel.protocol.ledger import Busy, Ledger, Paid, Superseded
from promptreel.protocol.paying import MAX_ATTEMPTS, Artifact, Made, pay

MAX_TRIES = 3
A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class Question(Generic[A]):
    """What the writer is asked; whatever else a call needs follows from it."""

    purpose: str
    instruction: str
    prompt: Callable[[str], str]
    """Takes what was wrong with the answer before; empty at first."""
    schema: type[BaseModel]
    read: Callable[[str], A]
    """The answer's text as a value. Raises: ValueError in words that can be fed back."""
    path: str
    """How the names of its answers begin."""
    most_tokens: int
    scene: Scene | None = None


@dataclass(frozen=True, slots=True)
class Told(Generic[A]):
    """An answer that can be used, and where it is kept."""

    answer: A
    uri: str


@dataclass(frozen=True, slots=True)
class Unusable:
    """No answer could be used: how often it was tried, and what was wrong at last."""

    tries: int
    fault: str


def ask(
    job: Job,
    model: TextModel,
    question: Question[A],
    *,
    writer: Writer,
    ledger: Ledger,
    artifacts: ArtifactStore,
    clock: Clock,
) -> Told[A] | Unusable | Busy | Superseded:
    """Ask until an answer can be used. Raises: QuotaExhausted; BudgetExceeded; Misconfigured."""
    fault, tries = "", 0
    for attempt in range(1, MAX_ATTEMPTS + 1):
        manuscript = Manuscript(
            model=model.id,
            instruction=question.instruction,
            prompt=question.prompt(fault),
            schema=question.schema,
            seed=tickets.seed(job, question.purpose, str(attempt)),
            max_output_tokens=question.most_tokens,
            thinking_level=model.thinking_level,
        )
        digest = names.digest(model.id, manuscript.instruction, manuscript.prompt, str(manuscript.seed))
        sent = tokens_at_most(
            manuscript.instruction, manuscript.prompt, json.dumps(question.schema.model_json_schema())
        )
        tariff = text_tariff(model, sent, manuscript.max_output_tokens)
        ticket = tickets.text(job, tariff, question.purpose, question.scene, attempt, digest, clock.now())

        def post(left_s: float, asked: Manuscript = manuscript) -> Made | Declined:
            answer = writer.write(asked, left_s)
            return answer if isinstance(answer, Declined) else Made(answer.text.encode(), answer.usage)

        artifact = Artifact(f"{question.path}-{ticket.call_id}.json", "application/json")
        claim = pay(ticket, artifact, tariff, post, ledger=ledger, artifacts=artifacts, clock=clock)
        if isinstance(claim, Busy | Superseded):
            return claim
        if isinstance(claim, Paid):
            uri = artifacts.uri(artifact.path)
            try:
                return Told(question.read(artifacts.get(uri).decode()), uri)
            except ValueError as error:
                fault = str(error)
        else:
            following = succession.next_model(job, model, claim.call, registry().text_model)
            if following is not model:
                model = following
                continue
            fault = claim.call.reason
        tries += claim.call.spends_remedy and job.counts(claim.call.updated)
        if tries == MAX_TRIES:
            break
    return Unusable(tries, fault)
