"""What all stored documents share: frozen, versioned by ``schema``, times in UTC, JSON in and out.

Versions of promptreel read each other's documents, during an upgrade and after a rollback. So a field that this version
does not know is kept, at any depth, from reading to writing (docs/adr/0013).
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError

from promptreel.errors import PromptreelError, UnreadableDocument

OptionalText = Annotated[
    str | None, BeforeValidator(lambda text: text or None), PlainSerializer(lambda text: text or "", return_type=str)
]
"""Text that may be absent. It is stored as an empty string, as every version has done."""

UtcDatetime = AwareDatetime


class Frozen(BaseModel):
    """A value that never changes. A field that it does not declare is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)

    def _copy_with(self, changes: Mapping[str, object]) -> Self:
        """A validated copy with these fields changed. Raises: TypeError for a field that does not exist."""
        if unknown := changes.keys() - type(self).model_fields.keys():
            raise TypeError(f"{type(self).__name__} has no field {', '.join(sorted(unknown))}.")
        return type(self).model_validate({**dict(self), **changes}, extra="allow")


class Part(Frozen):
    """A frozen value inside a document."""

    def evolve(self, **changes: object) -> Self:
        """A validated copy with these fields changed. Raises: TypeError for a field that does not exist."""
        return self._copy_with(changes)


class Problem(Part):
    """Why a job or a scene failed, for its owner: a stable code, a sentence, and what to do about it."""

    code: str
    message: str
    remedy: OptionalText = None
    step: OptionalText = None
    scene: str | None = None

    @classmethod
    def from_error(cls, error: PromptreelError, *, step: str, scene: str | None = None) -> "Problem":
        """The problem to store for an error that a step raised."""
        return cls(code=error.code, message=error.message, remedy=error.remedy, step=step, scene=scene)


class Document(Frozen):
    """A stored document. ``schema`` is raised only by a change that older versions must not read.

    A document that steps write declares ``evolve`` with the fields that may change, so that mypy checks every write.
    """

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
        """The document without the fields that this version does not know, except those inside its values."""
        return type(self).model_validate({name: getattr(self, name) for name in type(self).model_fields})

    def to_json(self) -> dict[str, Any]:
        """JSON with every field, known or not."""
        return _add_unknown_fields(self, self.model_dump(mode="json", by_alias=True))


def _add_unknown_fields(model: BaseModel, known: Mapping[str, Any]) -> dict[str, Any]:
    """``known`` is pydantic's dump of ``model``, which leaves out the fields that the class does not declare."""
    complete = {**(model.model_extra or {}), **known}
    for name, field in type(model).model_fields.items():
        value, key = getattr(model, name), field.alias or name
        if isinstance(value, BaseModel):
            complete[key] = _add_unknown_fields(value, known[key])
        elif isinstance(value, tuple | list):
            complete[key] = [
                _add_unknown_fields(one, dumped) if isinstance(one, BaseModel) else dumped
                for one, dumped in zip(value, known[key], strict=True)
            ]
    return complete
