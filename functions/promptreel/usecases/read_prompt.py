"""Read the prompt by one text call, and hold the answer against the prompt. A part of write_storyboard."""

from dataclasses import dataclass
from datetime import datetime

from promptreel.domain import planning, prompts, treatment
from promptreel.domain.job import Job
from promptreel.domain.models import TextModel
from promptreel.domain.treatment import Treatment, TreatmentSummary
from promptreel.errors import BudgetExceeded
from promptreel.ledger.claims import Busy, Superseded
from promptreel.services import Services
from promptreel.usecases.text_calls import Answer, NoUsableAnswer, Question, ask

PURPOSE = "treatment"
_UNREAD = "prompt: the text model could not read it; the film follows what rules read."


@dataclass(frozen=True, slots=True)
class PromptReading:
    """What the text model read of the prompt, as far as it can be used, and what the job's owner must know of it."""

    treatment: Treatment | None = None
    uri: str | None = None
    checksum: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def summary(self) -> TreatmentSummary | None:
        """What the plan keeps of it."""
        read = self.treatment
        if read is None:
            return None
        return TreatmentSummary(
            language=read.language,
            logline=read.logline,
            mood=read.mood,
            pacing=read.pacing,
            uri=self.uri,
            checksum=self.checksum,
        )


def read_prompt(job: Job, model: TextModel, services: Services, until: datetime) -> PromptReading | Busy | Superseded:
    """The treatment of the job's prompt. A wrong one never fails the film: what rules read takes its place.

    Idempotent: a repeated call returns what the stored answers say and makes no paid call.

    Raises: QuotaExhausted; Misconfigured.
    """
    prompt = job.request.prompt
    question = Question(
        purpose=PURPOSE,
        instruction=prompts.READER_INSTRUCTION,
        prompt=prompts.treatment_prompt(prompt),
        schema=Treatment,
        read=lambda text: treatment.parse_checked(text, prompt),
        path=f"jobs/{job.id}/treatment",
        most_tokens=planning.treatment_tokens(prompt, model),
    )
    try:
        answer = ask(job, model, question, services, until)
    except BudgetExceeded:  # of a further attempt: the storyboard may still fit
        return PromptReading(warnings=(_UNREAD,))
    if isinstance(answer, Busy | Superseded):
        return answer
    if isinstance(answer, Answer):
        return PromptReading(answer.value, answer.uri, services.artifacts.read_checksum(answer.uri))
    return _salvage(answer, prompt)


def _salvage(answer: NoUsableAnswer, prompt: str) -> PromptReading:
    if not answer.last:
        return PromptReading(warnings=(_UNREAD,))
    kept, warnings = treatment.salvage(answer.last, prompt)
    return PromptReading(kept, answer.uri if kept else None, warnings=warnings)
