"""Which pictures a keyframe is drawn from, in which order. Pure, and the one place that decides it.

Prompt, request, digest, cache key and reserved price of a keyframe follow from this list. It may hold pictures that
are not drawn yet: their number is known, and so is their price, before their address is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from promptreel.domain.job import Job, Plan
from promptreel.domain.models import ImageModel
from promptreel.domain.reference import Reference
from promptreel.domain.scene import KeyframeName, Scene
from promptreel.domain.sheet import Sheet, SheetKind

MOMENT_BEFORE = "the moment before: keep its characters, place, light and style"
_NAME_CHARS = 80
_ORDER: tuple[SheetKind, ...] = ("character", "product", "prop", "place")
_KEPT_ON_SHEET = {
    "character": "keep this face, hair, build and clothing",
    "product": "keep its shape, colours and lettering",
    "prop": "keep its shape and colours",
    "place": "keep its layout, colours and materials",
}


@dataclass(frozen=True, slots=True)
class PictureInput:
    """A picture that the image model is given, and what it shows, as the prompt says it.

    ``uri`` is None until the picture is drawn; ``checksum`` also for one stored before checksums were.
    """

    shows: str
    name: str | None
    """Of whom or what it shows; None for the keyframe before."""
    uri: str | None = None
    checksum: str | None = None

    @property
    def identity(self) -> str:
        """What differs when the picture differs."""
        return self.checksum or self.uri or ""


@dataclass(frozen=True, slots=True)
class PictureInputs:
    """The pictures that are sent, most important first, and those that exceed the model's limit."""

    sent: tuple[PictureInput, ...] = ()
    left_out: tuple[PictureInput, ...] = ()


@dataclass(frozen=True, slots=True)
class PictureSources:
    """What the keyframes of one film may be drawn from beside their prompts and one another."""

    plan: Plan
    sheets: tuple[Sheet, ...] = ()
    references: tuple[Reference, ...] = ()

    @classmethod
    def of(cls, job: Job, plan: Plan, sheets: Sequence[Sheet] = ()) -> Self:
        """Those of a job; ``plan`` may be newer than the job's own."""
        return cls(plan, tuple(sheets), job.references)


def list_inputs(sources: PictureSources, scene: Scene, frame: KeyframeName, model: ImageModel) -> PictureInputs:
    """The pictures that this keyframe is drawn from.

    Chain: the keyframe before, then the references of what the scene shows. Sheet: the sheets of what the scene
    shows, then the references that no sheet was drawn from; no other keyframe, so that all are drawn at the same time.
    """
    if sources.plan.continuity.mode == "sheet":
        wanted = (*_list_sheets(sources, scene), *_list_references(sources, scene))
    else:
        wanted = (*_list_before(scene, frame), *_list_references(sources, scene))
    return PictureInputs(wanted[: model.max_references], wanted[model.max_references :])


def list_sheet_inputs(references: Sequence[Reference], sheet: Sheet, model: ImageModel) -> PictureInputs:
    """The pictures that a sheet is drawn from: its owner's own ones of whom or what it shows, then those of the style.

    The first sort are more important.
    """
    own = [one for one in references if _is_of(one, sheet)]
    wanted = tuple(_describe_reference(one) for one in (*own, *(one for one in references if one.kind == "style")))
    return PictureInputs(wanted[: model.max_references], wanted[model.max_references :])


def list_looks(sources: PictureSources) -> tuple[PictureInput, ...]:
    """The pictures of how somebody or something looks in the whole film: its sheets, then its owner's own pictures."""
    sheets = (_describe_sheet(sheet) for sheet in sources.sheets if sheet.problem is None)
    return (*sheets, *(_describe_reference(one) for one in sources.references))


def most_inputs(references: int, model: ImageModel, *, continues: bool) -> int:
    """The most pictures of a keyframe of a chain whose storyboard is not written; ``references`` is their number."""
    return min(references + continues, model.max_references)


def left_out_warnings(inputs: PictureInputs, what: str, model: ImageModel) -> list[str]:
    """What the owner should know about pictures that exceed the model's limit."""
    if not inputs.left_out:
        return []
    names = ", ".join(one.name or "the picture before" for one in inputs.left_out)
    return [f"{what}: drawn without the pictures of {names}: {model.id} takes {model.max_references}."]


def _list_before(scene: Scene, frame: KeyframeName) -> Iterator[PictureInput]:
    if frame == "end":
        before = scene.keyframe("start")
        yield PictureInput(MOMENT_BEFORE, None, before.uri if before else None, before.checksum if before else None)


def _list_sheets(sources: PictureSources, scene: Scene) -> Iterator[PictureInput]:
    shown = [sheet for sheet in sources.sheets if sheet.problem is None and scene.shows(sheet.name)]
    for sheet in sorted(shown, key=lambda one: (_ORDER.index(one.kind), one.number)):
        yield _describe_sheet(sheet)


def _describe_sheet(sheet: Sheet) -> PictureInput:
    name, image = sheet.name[:_NAME_CHARS], sheet.drawn
    words = f"{name}, seen from several sides: {_KEPT_ON_SHEET[sheet.kind]}"
    if sheet.kind == "place":
        words = f"{name}, in several lights: {_KEPT_ON_SHEET[sheet.kind]}"
    return PictureInput(words, name, image.uri if image else None, image.checksum if image else None)


def _list_references(sources: PictureSources, scene: Scene) -> Iterator[PictureInput]:
    for kind in ("character", "product", "place", "style"):
        for reference in sources.references:
            is_used = kind == "style" or (scene.shows(reference.name) and not _has_sheet(sources, reference))
            if reference.kind == kind and is_used:
                yield _describe_reference(reference)


def _has_sheet(sources: PictureSources, reference: Reference) -> bool:
    """Whether a sheet was drawn from it, so that the keyframes need not see it too. A product's details are small."""
    has_sheets = sources.plan.continuity.mode == "sheet"
    drawn = (sheet for sheet in sources.sheets if has_sheets and sheet.problem is None)
    return reference.kind != "product" and any(_is_of(reference, sheet) for sheet in drawn)


def _is_of(reference: Reference, sheet: Sheet) -> bool:
    """Whether a reference shows whom or what a sheet is of."""
    return reference.kind == sheet.kind and reference.name.casefold() == sheet.name.casefold()


def _describe_reference(reference: Reference) -> PictureInput:
    name = reference.name[:_NAME_CHARS]
    words = "the style of the film: keep its technique and colours, and show nothing of what it shows"
    if reference.kind != "style":
        words = f"{name}, as it is: {_KEPT_ON_SHEET[reference.kind]}"
    return PictureInput(words, name, reference.uri, reference.checksum)
