"""Pictures with and without bars, drawn from seeds: what an image model may answer, as far as can be told here."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

SIZE_PX = (1376, 768)
Pixels = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Example:
    """A picture, and its bars as left, top, right and bottom pixels; all zero where it has none."""

    name: str
    picture: Image.Image
    bars_px: tuple[int, int, int, int] = (0, 0, 0, 0)


def with_bars() -> Iterator[Example]:
    """Every kind of bar around scenes by day and by night, clean, noisy and as JPEG."""
    colours = {"black": (0, 0, 0), "near black": (9, 8, 12), "white": (255, 255, 255), "grey": (128, 128, 128)}
    colours |= {"cream": (244, 238, 220), "blue": (20, 30, 60)}
    scenes = (day, night, snow, city)
    number = 0
    for shape in ("letterbox", "pillarbox", "border", "uneven"):
        for share in (0.025, 0.04, 0.08, 0.12, 0.2, 0.33):
            if shape == "border" and share > 0.1:
                continue
            for name, colour in colours.items():
                number += 1
                scene = scenes[number % len(scenes)]
                finish = tuple(FINISHES)[number % len(FINISHES)]
                bars = _bars(shape, share)
                picture = FINISHES[finish](_framed(scene(number % 5), bars, colour), number)
                yield Example(f"{shape} of {share:.1%} in {name} around {scene.__name__}, {finish}", picture, bars)


def without_bars() -> Iterator[Example]:
    """Pictures whose edges are flat, dark or bright for another reason."""
    number = 0
    scenes: tuple[Callable[[int], Image.Image], ...] = (day, night, snow, city, *PLAIN)
    for draw in scenes:
        for finish, apply in FINISHES.items():
            number += 1
            yield Example(f"{draw.__name__} {finish}", apply(draw(number % 5), number))


def _bars(shape: str, share: float) -> tuple[int, int, int, int]:
    width, height = SIZE_PX
    across, along = round(share * height), round(share * width)
    if shape == "letterbox":
        return 0, across, 0, across
    if shape == "pillarbox":
        return along, 0, along, 0
    if shape == "border":
        return across, across, across, across
    return 0, across, 0, round(across * 1.5) if share < 0.25 else across


def _framed(scene: Image.Image, bars: tuple[int, int, int, int], colour: tuple[int, int, int]) -> Image.Image:
    left, top, right, bottom = bars
    width, height = SIZE_PX
    framed = Image.new("RGB", SIZE_PX, colour)
    framed.paste(scene.resize((width - left - right, height - top - bottom)), (left, top))
    return framed


# What is done to a picture before it is answered


def _noisy(picture: Image.Image, seed: int) -> Image.Image:
    noise = np.random.default_rng(seed).normal(0, 1.5, (picture.height, picture.width, 3))
    return _image(np.asarray(picture, dtype=np.float64) + noise)


def _as_jpeg(quality: int) -> Callable[[Image.Image, int], Image.Image]:
    def encode(picture: Image.Image, _: int) -> Image.Image:
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=quality)
        return Image.open(out).convert("RGB")

    return encode


FINISHES: dict[str, Callable[[Image.Image, int], Image.Image]] = {
    "clean": lambda picture, _: picture,
    "noisy": _noisy,
    "as a good JPEG": _as_jpeg(92),
    "as a poor JPEG": _as_jpeg(60),
    "soft": lambda picture, _: picture.filter(ImageFilter.GaussianBlur(1)),
}


# Scenes


def _image(pixels: Pixels) -> Image.Image:
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _canvas(top: tuple[float, float, float], bottom: tuple[float, float, float]) -> Pixels:
    width, height = SIZE_PX
    fade = np.linspace(0, 1, height).reshape(height, 1, 1)
    return np.repeat(np.array(top) * (1 - fade) + np.array(bottom) * fade, width, axis=1)


def _hills(pixels: Pixels, seed: int, level: float, colour: tuple[float, float, float], grain: float) -> None:
    """Ground below an uneven line."""
    dice = np.random.default_rng(seed)
    width, height = SIZE_PX
    along = np.arange(width)
    line = np.full(width, level * height)
    for n in (1, 2, 3, 5):
        line += dice.uniform(5, 40) / n * np.sin(along * n / dice.uniform(60, 200) + dice.uniform(0, 6))
    below = np.arange(height)[:, None] > line[None, :]
    pixels[below] = np.array(colour) + dice.normal(0, grain, (int(below.sum()), 3))


@cache
def day(seed: int) -> Image.Image:
    pixels = _canvas((90, 150, 220), (190, 215, 240))
    _hills(pixels, seed, 0.55, (70, 120, 60), 14)
    _hills(pixels, seed + 1, 0.75, (50, 90, 40), 18)
    return _image(pixels)


@cache
def night(seed: int) -> Image.Image:
    """A sky that begins nearly black, stars, and a black ridge."""
    pixels = _canvas((12, 14, 26), (38, 44, 78))
    dice = np.random.default_rng(seed)
    for x, y in zip(dice.integers(0, SIZE_PX[0], 300), dice.integers(0, SIZE_PX[1] // 2, 300), strict=True):
        pixels[y, x] = dice.uniform(120, 255)
    _hills(pixels, seed, 0.7, (10, 12, 14), 4)
    return _image(pixels)


@cache
def snow(seed: int) -> Image.Image:
    """A white sky, a dark line of trees, white ground."""
    pixels = _canvas((246, 247, 250), (250, 250, 252))
    _hills(pixels, seed, 0.42, (60, 70, 66), 20)
    _hills(pixels, seed + 3, 0.6, (250, 250, 252), 1)
    return _image(pixels)


@cache
def city(seed: int) -> Image.Image:
    pixels = _canvas((6, 7, 14), (46, 30, 52))
    picture = _image(pixels)
    draw, dice = ImageDraw.Draw(picture), np.random.default_rng(seed)
    for x in range(0, SIZE_PX[0], 60):
        top = int(dice.integers(240, 600))
        draw.rectangle((x, top, x + 55, SIZE_PX[1]), (14, 14, 20))
        for _ in range(12):
            left, upper = x + int(dice.integers(4, 46)), int(dice.integers(top, SIZE_PX[1]))
            draw.rectangle((left, upper, left + 4, upper + 6), (230, 200, 120))
    return picture


# Pictures that look as if they had bars


def _glow(sigma_px: tuple[float, float], light: float = 230) -> Pixels:
    width, height = SIZE_PX
    x = (np.arange(width) - width / 2)[None, :] / sigma_px[0]
    y = (np.arange(height) - height / 2)[:, None] / sigma_px[1]
    return np.repeat((light * np.exp(-(x**2 + y**2) / 2))[:, :, None], 3, axis=2)


def lit_centre(seed: int) -> Image.Image:
    return _image(_glow((180 + seed, 120)))


def small_lit_centre(seed: int) -> Image.Image:
    return _image(_glow((90 + seed, 60), 255))


def glow_along_the_horizon(_: int) -> Image.Image:
    return _image(_glow((1e9, 90)))


def narrow_glow_along_the_horizon(_: int) -> Image.Image:
    return _image(_glow((1e9, 40), 255))


def spotlight(seed: int) -> Image.Image:
    picture = Image.new("RGB", SIZE_PX)
    ImageDraw.Draw(picture).ellipse((300, 120 + seed, 1080, 640 - seed), (220, 210, 190))
    return picture.filter(ImageFilter.GaussianBlur(3))


def moon_on_black(seed: int) -> Image.Image:
    picture = Image.new("RGB", SIZE_PX, (2, 2, 3))
    ImageDraw.Draw(picture).ellipse((500, 180 + seed, 900, 580 + seed), (235, 233, 225))
    return picture


def bottle_on_white(_: int) -> Image.Image:
    picture = Image.new("RGB", SIZE_PX, (253, 253, 253))
    draw = ImageDraw.Draw(picture)
    draw.rounded_rectangle((600, 300, 780, 690), 40, (40, 90, 70))
    draw.rectangle((660, 150, 720, 300), (40, 90, 70))
    return picture


def phone_on_grey(_: int) -> Image.Image:
    picture = Image.new("RGB", SIZE_PX, (120, 122, 125))
    ImageDraw.Draw(picture).rounded_rectangle((560, 110, 816, 660), 30, (15, 15, 18))
    return picture


def painting_on_a_wall(_: int) -> Image.Image:
    picture = Image.new("RGB", SIZE_PX, (236, 232, 226))
    picture.paste(day(3).resize((640, 400)), (368, 184))
    return picture


def window_in_a_dark_room(_: int) -> Image.Image:
    picture = Image.new("RGB", SIZE_PX, (4, 4, 6))
    picture.paste(day(4).resize((420, 460)), (478, 150))
    return picture


def television_in_the_dark(_: int) -> Image.Image:
    picture = Image.new("RGB", SIZE_PX, (3, 3, 4))
    picture.paste(city(4).resize((960, 480)), (208, 140))
    return picture


def title_card(_: int) -> Image.Image:
    picture = Image.new("RGB", SIZE_PX)
    ImageDraw.Draw(picture).text((420, 330), "THE KEEPER", (240, 240, 240), font_size=90)
    return picture


def black(_: int) -> Image.Image:
    return Image.new("RGB", SIZE_PX)


def white(_: int) -> Image.Image:
    return Image.new("RGB", SIZE_PX, (255, 255, 255))


def fog_over_snow(seed: int) -> Image.Image:
    pixels = _canvas((240, 241, 243), (240, 241, 243))
    picture = _image(pixels)
    draw, dice = ImageDraw.Draw(picture), np.random.default_rng(seed)
    for x in range(40, SIZE_PX[0], 90):
        height = int(dice.integers(60, 200))
        draw.polygon([(x - 30, 460), (x, 460 - height), (x + 30, 460)], (90, 100, 104))
    return picture


def calm_sea(_: int) -> Image.Image:
    """A flat sky over a flat sea: two colours and one straight line."""
    picture = Image.new("RGB", SIZE_PX, (150, 190, 225))
    picture.paste((30, 80, 130), (0, 400, *SIZE_PX))
    return picture


def letters_of_light(_: int) -> Image.Image:
    pixels = np.zeros((SIZE_PX[1], SIZE_PX[0], 3))
    pixels[300:470] = np.where(np.arange(SIZE_PX[0])[None, :, None] % 160 < 80, 240, 0)
    return _image(pixels)


def dark_forest(seed: int) -> Image.Image:
    pixels = _canvas((3, 4, 3), (8, 10, 7)) + np.random.default_rng(seed).normal(0, 0.6, (SIZE_PX[1], SIZE_PX[0], 1))
    picture = _image(pixels)
    draw = ImageDraw.Draw(picture)
    for x in range(100, SIZE_PX[0], 170):
        draw.rectangle((x, 0, x + 26, SIZE_PX[1]), (20, 24, 18))
    return picture


PLAIN: tuple[Callable[[int], Image.Image], ...] = (
    lit_centre,
    small_lit_centre,
    glow_along_the_horizon,
    narrow_glow_along_the_horizon,
    spotlight,
    moon_on_black,
    bottle_on_white,
    phone_on_grey,
    painting_on_a_wall,
    window_in_a_dark_room,
    television_in_the_dark,
    title_card,
    black,
    white,
    fog_over_snow,
    calm_sea,
    letters_of_light,
    dark_forest,
)
