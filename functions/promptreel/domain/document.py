"""What all stored documents share: frozen, versioned by ``schema``, times in UTC, JSON in and out."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a moment needs its time zone")
    return moment


Moment = Annotated[datetime, AfterValidator(_aware)]


class Part(BaseModel):
    """A frozen value inside a document."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)

    def evolve(self, **changes: Any) -> Self:
        """A copy with these fields changed, validated again: an invalid value cannot be made."""
        return type(self).model_validate({**dict(self), **changes})


class Document(Part):
    """A stored document."""

    schema_version: Literal[1] = Field(default=1, alias="schema")

    def to_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json", by_alias=True)
