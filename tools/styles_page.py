"""The page docs/styles.md, made from the list of styles and templates."""

from promptreel.domain.styles import Style, StyleList, Template

_INTRODUCTION = """# Styles and templates

Made by `make docs` from functions/promptreel/data/styles.json and templates.json, the one place of every style and
template; edit there. `promptreel styles`, `GET /v1/styles` and `GET /v1/templates` say the same for a deployment. The
pictures are drawn by `python -m tools.style_pictures`.

A request names a style in `style`, by its id or by any name listed with it, or describes an own one
([request.md](request.md)). A style reaches the models as its craft alone. Names of film makers and films are for those
who type them: in every text that a model is given, a description takes their place, wherever they are typed.

## Styles
"""
_TEMPLATES = """## Templates

A template gives the storyboard its beats. Its scenes, seconds and shape are used when neither the request nor its
prompt says them, its style when they name none.
"""


def styles_page(known: StyleList) -> str:
    """The whole page."""
    styles, templates = map(_style, known.styles), map(_template, known.templates)
    return "\n".join([_INTRODUCTION, *styles, _TEMPLATES, *templates]).rstrip() + "\n"


def _style(style: Style) -> str:
    names = ", ".join((*style.people, *style.films, *style.names))
    lines = [*style.lines(), *([f"Read for: {names}"] if names else [])]
    return _entry(style.id, style.title, style.sentence, lines)


def _template(template: Template) -> str:
    style = f", style `{template.style}`" if template.style else ""
    usual = f"Usually: {template.scenes} scenes, {template.duration_s} s, {template.aspect}{style}"
    beats = "Beats: " + " → ".join(template.beats)
    shows = f"Shows: {'; '.join(template.must_show)}"
    lines = [beats, shows, f"Look: {template.look}", f"Pacing: {template.pacing}", usual]
    return _entry(template.id, template.title, template.sentence, lines)


def _entry(name: str, title: str, sentence: str, lines: list[str]) -> str:
    picture = f"![{title}](../functions/promptreel/data/styles/{name}.webp)"
    return "\n".join([f"### `{name}`\n", picture, "", f"{title}. {sentence}", "", *(f"- {line}" for line in lines), ""])
