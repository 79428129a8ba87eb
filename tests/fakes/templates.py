"""A deployment that changes a word in every prompt template, while jobs are being made."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from promptreel.domain import prompts
from promptreel.domain.fitting import FittedPrompt

TEMPLATES = (
    "treatment_prompt",
    "storyboard_prompt",
    "chapter_prompt",
    "rewrite_prompt",
    "keyframe_prompt",
    "clip_prompt",
)


class PromptTemplates:
    """The deployed templates; `deploy` replaces them all."""

    def __init__(self) -> None:
        self._released = {name: getattr(prompts, name) for name in TEMPLATES}

    def deploy(self, release: int) -> None:
        """Release 0 is the code as it is."""
        for name, template in self._released.items():
            setattr(prompts, name, _with_prefix(template, f"Release {release}. ") if release else template)


@contextmanager
def deployed_templates() -> Iterator[PromptTemplates]:
    """Templates that a test may replace; those of the code come back afterwards."""
    templates = PromptTemplates()
    try:
        yield templates
    finally:
        templates.deploy(0)


def _with_prefix(template: Callable[..., Any], prefix: str) -> Callable[..., Any]:
    def compose(*args: Any, **named: Any) -> Any:
        composed = template(*args, **named)
        if isinstance(composed, FittedPrompt):
            return composed.evolve(text=prefix + composed.text)
        return prefix + composed

    return compose
