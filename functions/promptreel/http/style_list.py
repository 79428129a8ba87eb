"""The styles and templates as the API shows them, with the names of persons and films that callers may type."""

from importlib import resources
from typing import Any

from promptreel.domain.styles import StyleList
from promptreel.errors import NotFound

PICTURE_TYPE = "image/webp"
_PICTURES = resources.files("promptreel.data").joinpath("styles")


def describe_styles(known: StyleList) -> dict[str, Any]:
    """Every style with its craft, its other names and the path of its picture."""
    return {
        "styles": [{**style.model_dump(mode="json"), "picture": picture_path(style.id)} for style in known.styles],
    }


def describe_templates(known: StyleList) -> dict[str, Any]:
    """Every template with the path of its picture."""
    return {
        "templates": [{**one.model_dump(mode="json"), "picture": picture_path(one.id)} for one in known.templates],
    }


def picture_path(name: str) -> str:
    """The path at which the picture of a style or template is served."""
    return f"/v1/styles/{name}/picture"


def read_picture(known: StyleList, name: str) -> bytes:
    """The picture of a style or template, by its id. Raises: NotFound."""
    if name not in {style.id for style in known.styles} | {template.id for template in known.templates}:
        raise NotFound(f"There is no style or template {name[:80]}.", remedy="GET /v1/styles lists them.")
    return _PICTURES.joinpath(f"{name}.webp").read_bytes()
