"""The pictures that a request brings along: what they show, where they are, and what their owner states about them."""

from collections.abc import Callable, Collection, Sequence
from typing import Annotated, Self

from pydantic import StringConstraints, field_validator, model_validator

from promptreel.domain.characters import visible_length
from promptreel.domain.document import Frozen
from promptreel.domain.models import ImageModel
from promptreel.domain.reference import Reference, ReferenceKind
from promptreel.errors import Invalid

MAX_REFERENCES = 10
THROUGH_KEYFRAMES = (
    "They reach the film through its keyframes: a clip between a first and a last frame takes no other pictures."
)
MAX_URI_CHARS = 2000
MAX_NAME_CHARS = 60
_ShortText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class RequestedReference(Frozen):
    """One picture. ``consent`` states that the real person whom it shows has agreed to appear in the film."""

    kind: ReferenceKind
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_NAME_CHARS)]
    description: _ShortText | None = None
    uri: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_URI_CHARS)]
    shows_real_person: bool = False
    consent: Annotated[str, StringConstraints(strip_whitespace=True, min_length=10, max_length=1000)] | None = None

    @field_validator("name")
    @classmethod
    def _can_be_read(cls, name: str) -> str:
        if not visible_length(name):
            raise ValueError("holds nothing that can be seen")
        if "\n" in name:
            raise ValueError("must stand on one line")
        return name

    @model_validator(mode="after")
    def _states_consent(self) -> Self:
        if self.shows_real_person and self.consent is None:
            raise ValueError(
                "consent: a picture of a real person needs a statement of 10 to 1,000 characters that this person has "
                "agreed; it is stored with the job"
            )
        return self


def refuse_repeated(references: Sequence[RequestedReference]) -> None:
    """Raises: ValueError for a picture that is given twice for the same name."""
    seen = set()
    for place, one in enumerate(references):
        key = (one.kind, one.name.casefold(), one.uri)
        if key in seen:
            raise ValueError(f"number {place + 1} repeats an earlier one: each picture of “{one.name}” is given once")
        seen.add(key)


def describe_references(references: Sequence[RequestedReference]) -> str:
    """The part of the storyboard's prompt about them, empty for none."""
    if not references:
        return ""
    named: dict[tuple[str, str], tuple[str, list[str]]] = {}
    for one in references:
        if one.kind != "style":
            _, told = named.setdefault((one.kind, one.name.casefold()), (one.name, []))
            told += [_on_one_line(one.description)] if one.description else []
    styles = [_on_one_line(one.description or one.name) for one in references if one.kind == "style"]
    lines = []
    if named:
        lines.append(
            "There are pictures of these. Give each exactly this name, show each, and name it in every shot that shows "
            "it. List characters among the characters and places among the settings; products belong into the texts:"
        )
        lines += [
            f"{kind} {_on_one_line(name)}" + (f": {'; '.join(dict.fromkeys(told))}" if told else "")
            for (kind, _), (name, told) in named.items()
        ]
    if styles:
        lines.append(f"There is a picture of the film's style: {'; '.join(dict.fromkeys(styles))}")
    return "\n".join(["<pictures>", *lines, "</pictures>"])


def _on_one_line(text: str) -> str:
    """A text that ends neither its line nor the part of the prompt in which it stands."""
    return " ".join(text.replace("<", "&lt;").split())


def refuse_too_many_styles(references: Sequence[RequestedReference], model: ImageModel, *, in_chain: bool) -> None:
    """Pictures of the style belong to every keyframe, in a chain beside the keyframe before it.

    Raises: Invalid when they certainly exceed what the image model takes.
    """
    styles = sum(one.kind == "style" for one in references)
    most = model.max_references - in_chain
    if styles > most:
        chain = ", one of them for the keyframe before" if in_chain else ""
        raise Invalid(
            f"references: {styles} pictures of the style; {model.id} takes {model.max_references} for a keyframe"
            f"{chain}.",
            code="too_many_references",
            remedy=f"Name at most {max(most, 0)}, or another image model.",
        )


def unseen_warnings(references: Sequence[Reference], is_shown: Callable[[str], bool]) -> list[str]:
    """A warning for each reference that no scene of the storyboard shows; ``is_shown`` knows it by the name."""
    return [
        f"references.{place}: no scene of the storyboard shows “{one.name}”, so that its picture is not used."
        for place, one in enumerate(references)
        if one.kind != "style" and not is_shown(one.name)
    ]


def describe_way(reference: Reference, mode: str, given_up: Collection[tuple[str, str]] = ()) -> str:
    """What a reference is drawn into, as `picture_inputs` decides it.

    ``mode`` is the plan's continuity, or the request's before there is a plan; ``given_up`` are kind and name, in small
    letters, of the sheets that could not be drawn.
    """
    if mode == "auto":
        return "keyframes, or a sheet before them"
    if mode != "sheet" or (reference.kind, reference.name.casefold()) in given_up:
        return "keyframes"
    return {"style": "sheets and keyframes", "product": "its sheet and keyframes"}.get(reference.kind, "its sheet")
