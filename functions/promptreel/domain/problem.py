"""What went wrong, as it is stored and told: a stable code, a sentence, the way out."""

from promptreel.domain.document import Part
from promptreel.errors import PromptreelError


class Problem(Part):
    """Why a job or a scene failed, in words for its owner."""

    code: str
    message: str
    remedy: str = ""
    step: str = ""
    scene: str | None = None

    @classmethod
    def of(cls, error: PromptreelError, *, step: str = "", scene: str | None = None) -> "Problem":
        return cls(code=error.code, message=error.message, remedy=error.remedy, step=step, scene=scene)
