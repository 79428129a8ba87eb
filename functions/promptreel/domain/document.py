"""What all stored documents share: frozen, versioned by ``schema``, times in UTC, JSON in and out.

Versions of promptreel read each other's documents, during an upgrade and after a rollback. So a field that this version
does not know is kept, at any depth, from reading to writing (docs/adr/0013).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from promptreel.errors import PromptreelError, UnreadableDocument


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a moment needs its time zone")
    return moment


UtcDatetime = Annotated[datetime, AfterValidator(_aware)]


class Part(BaseModel):
    """A frozen value inside a document."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)

    def evolve(self, **changes: Any) -> Self:
        """A copy with these fields changed, validated again: an invalid value cannot be made.

        Raises: TypeError for a change of a field that does not exist.
        """
        if unknown := changes.keys() - type(self).model_fields.keys():
            raise TypeError(f"{type(self).__name__} has no field {', '.join(sorted(unknown))}.")
        return type(self).model_validate({**dict(self), **changes}, extra="allow")


class Problem(Part):
    """Why a job or a scene failed, in words for its owner."""

    code: str
    message: str
    remedy: str = ""
    step: str = ""
    scene: str | None = None

    @classmethod
    def from_error(cls, error: PromptreelError, *, step: str = "", scene: str | None = None) -> "Problem":
        return cls(code=error.code, message=error.message, remedy=error.remedy, step=step, scene=scene)


class Document(Part):
    """A stored document. ``schema`` is raised only by a change that older versions must not read."""

    schema_version: Literal[1] = Field(default=1, alias="schema")

    @classmethod
    def from_json(cls, data: Any, path: str) -> Self:
        """The document stored at ``path``, with the fields that this version does not know.

        Raises: UnreadableDocument naming the fields that this version cannot read; never their values.
        """
        try:
            return cls.model_validate(data, extra="allow")
        except ValidationError as error:
            faults = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['type']}" for one in error.errors()[:5])
            raise UnreadableDocument(path, faults) from error

    def without_unknown_fields(self) -> Self:
        """The document as this version would have made it, but for values inside it."""
        return type(self).model_validate({name: getattr(self, name) for name in type(self).model_fields})

    def to_json(self) -> dict[str, Any]:
        """JSON with every field, known or not."""
        return _with_unknown_fields(self, self.model_dump(mode="json", by_alias=True))


def _with_unknown_fields(part: BaseModel, known: Mapping[str, Any]) -> dict[str, Any]:
    """``known`` is what pydantic dumps of ``part``: it leaves out what the class does not declare."""
    whole = {**(part.model_extra or {}), **known}
    for name, field in type(part).model_fields.items():
        value, key = getattr(part, name), field.alias or name
        if isinstance(value, BaseModel):
            whole[key] = _with_unknown_fields(value, known[key])
        elif isinstance(value, tuple | list):
            whole[key] = [
                _with_unknown_fields(one, dumped) if isinstance(one, BaseModel) else dumped
                for one, dumped in zip(value, known[key], strict=True)
            ]
    return whole
