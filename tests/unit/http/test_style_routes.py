"""Styles and templates in the API and in the command's table, each with a picture of the project's own."""

import io

import pytest
from flask.testing import FlaskClient
from PIL import Image, ImageChops
from rich.console import Console

from client.views import styles_view
from promptreel.domain.styles import style_list
from tests.unit.http.api_requests import bearer
from tools import style_pictures

IDS = [*(style.id for style in style_list().styles), *(template.id for template in style_list().templates)]


def picture(http: FlaskClient, name: str) -> Image.Image:
    answer = http.get(f"/v1/styles/{name}/picture", headers=bearer())
    assert answer.status_code == 200
    assert (answer.content_type, len(answer.data) <= 15_000) == ("image/webp", True)
    assert "immutable" in answer.headers["Cache-Control"]
    return Image.open(io.BytesIO(answer.data)).convert("RGB")


def test_lists_have_every_style_and_template_with_craft_and_picture(http: FlaskClient) -> None:
    styles = http.get("/v1/styles", headers=bearer()).get_json()["styles"]
    templates = http.get("/v1/templates", headers=bearer()).get_json()["templates"]

    assert [one["id"] for one in (*styles, *templates)] == IDS
    assert all(style["visual_style"] and style["camera"] and style["sentence"] for style in styles)
    assert styles[0]["picture"] == f"/v1/styles/{IDS[0]}/picture"


@pytest.mark.parametrize("path", ["/v1/styles", "/v1/templates", "/v1/styles/film-noir/picture"])
def test_caller_without_an_identity_sees_no_list(http: FlaskClient, path: str) -> None:
    assert http.get(path).status_code == 403


@pytest.mark.parametrize("name", ["nothing", "..%2Fmodels.json", "film-noir.webp"])
def test_picture_of_what_is_not_listed_is_not_found(http: FlaskClient, name: str) -> None:
    assert http.get(f"/v1/styles/{name}/picture", headers=bearer()).status_code == 404


def test_pictures_are_those_that_the_script_draws_and_no_two_are_alike(http: FlaskClient) -> None:
    served = {name: picture(http, name) for name in IDS}

    assert set(style_pictures.RECIPES) == set(IDS)
    for name, one in served.items():
        difference = ImageChops.difference(one, style_pictures.draw(name)).convert("L")
        assert sum(difference.histogram()[60:]) < 0.05 * one.width * one.height, name  # what compression changes
    small = [tuple(one.resize((8, 8)).convert("RGB").tobytes()) for one in served.values()]
    assert all(
        sum(abs(a - b) for a, b in zip(one, other, strict=True)) > 1_000
        for position, one in enumerate(small)
        for other in small[:position]
    )


def test_table_of_the_command_shows_every_id_whole(http: FlaskClient) -> None:
    console = Console(file=io.StringIO(), width=80)

    console.print(
        styles_view(
            http.get("/v1/styles", headers=bearer()).get_json(), http.get("/v1/templates", headers=bearer()).get_json()
        )
    )

    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue().split()
    assert set(IDS) <= set(shown)
