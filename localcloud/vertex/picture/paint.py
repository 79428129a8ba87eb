"""A picture request, read from the call, and the picture that answers it."""

import io
import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from PIL import ExifTags, Image, ImageDraw, ImageFont

from localcloud.serving import ApiError
from localcloud.vertex import chance, wire
from localcloud.vertex.faults import Hits
from localcloud.vertex.picture import palette as palettes
from localcloud.vertex.picture import panels, scenery
from localcloud.vertex.picture.palette import FIGURE_WORDS, PLACE_WORDS, USUAL_FIGURES, Palette, find_named
from localcloud.vertex.picture.scenery import FIGURES, Canvas, draw_figure
from localcloud.vertex.picture.wardrobe import dress
from localcloud.vertex.registry import ImageModel
from localcloud.vertex.storage import Storage, StorageError
from localcloud.vertex.wire import Conversation, Json, invalid

# Width and height in pixels at 1K, image generation page, read 2026-10; other sizes are multiples.
SIZES_1K_PX: Mapping[str, tuple[int, int]] = {
    "1:1": (1024, 1024), "2:3": (848, 1264), "3:2": (1264, 848), "3:4": (896, 1200), "4:3": (1200, 896),
    "4:5": (928, 1152), "5:4": (1152, 928), "9:16": (768, 1376), "16:9": (1376, 768), "21:9": (1584, 672),
}  # fmt: skip
_SCALE = {"512": 0.5, "1K": 1, "2K": 2, "4K": 4}
# Image models' pages, read 2026-11: 7 MB in the request, 30 MB in a bucket.
_MOST_INLINE_BYTES = 7_000_000
_MOST_STORED_BYTES = 30_000_000


ODD_FILES = ("square", "jpeg", "turned", "transparent", "cmyk", "deep", "palette")
_ODD_MIME_TYPES = {"jpeg": "image/jpeg", "turned": "image/jpeg", "cmyk": "image/jpeg"}
_TURNED_RIGHT = 6  # EXIF: turn by 90 degrees clockwise before showing


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars of one colour along two opposite edges, each of this share of the picture's height or width."""

    shape: str = "letterbox"
    share: float = 0.12
    colour: str = "black"

    def frame(self, picture: Image.Image) -> Image.Image:
        """The picture, squeezed between its bars."""
        width, height = picture.size
        across = round(height * self.share) if self.shape == "letterbox" else 0
        along = round(width * self.share) if self.shape == "pillarbox" else 0
        framed = Image.new("RGB", picture.size, self.colour)
        framed.paste(picture.resize((width - 2 * along, height - 2 * across)), (along, across))
        return framed


@dataclass(frozen=True, slots=True)
class PictureRequest:
    """What to paint. ``references`` are encoded pictures in the order given."""

    prompt: str
    references: tuple[bytes, ...]
    size: str
    width_px: int
    height_px: int
    seed: str
    mime_type: str = "image/png"
    bars: Bars | None = None
    kind: str = ""

    def altered(self, hits: Hits) -> "PictureRequest":
        """What is painted instead where faults order another size, bars or an odd file. Raises: ApiError."""
        wanted = self
        if "wrong_size" in hits:
            wanted = replace(wanted, width_px=self.width_px // 2, height_px=self.height_px // 2)
        if (args := hits.get("other_words")) is not None:
            shown, other = re.escape(str(args["from"])), str(args["to"])
            words = re.sub(shown, lambda _: other, wanted.prompt, flags=re.IGNORECASE)  # names made of them too
            wanted = replace(wanted, prompt=words)
        if (args := hits.get("bars")) is not None:
            wanted = replace(wanted, bars=Bars(**args))
        if (args := hits.get("odd_file")) is not None:
            wanted = replace(wanted, kind=str(args["kind"]))
            if wanted.kind not in ODD_FILES:
                raise invalid(f"no odd file is called {wanted.kind}; known: {', '.join(ODD_FILES)}")
        if wanted.kind == "square":
            side_px = min(wanted.width_px, wanted.height_px)
            wanted = replace(wanted, width_px=side_px, height_px=side_px)
        return replace(wanted, mime_type=_ODD_MIME_TYPES.get(wanted.kind, wanted.mime_type))


async def read_picture_request(model: ImageModel, prompt: Conversation, body: Json, storage: Storage) -> PictureRequest:
    """Raises: ApiError 400 for more references, other sizes or heavier pictures than the model takes."""
    config = wire.section(body, "generationConfig")
    image_config = wire.section(config, "imageConfig")
    aspect = str(wire.field(image_config, "aspectRatio", "1:1"))
    size = str(wire.field(image_config, "imageSize", "1K"))
    if aspect not in SIZES_1K_PX:
        raise invalid(f"Unsupported aspect ratio {aspect}, supported values are [{','.join(SIZES_1K_PX)}].")
    if size not in model.picture_tokens:
        raise invalid(f"Unsupported image size {size}, supported values are [{','.join(model.picture_tokens)}].")
    pictures = [media for media in prompt.media if media.mime_type.startswith("image/")]
    if len(pictures) > model.max_references:
        raise too_many_pictures(len(pictures), model.max_references)
    references = [await _bytes(media, storage) for media in pictures]
    width_px, height_px = SIZES_1K_PX[aspect]
    seed = f"{wire.field(config, 'seed')}/{wire.field(config, 'temperature')}"
    return PictureRequest(
        prompt=prompt.user_texts[-1] if prompt.user_texts else "",
        references=tuple(references),
        size=size,
        width_px=int(width_px * _SCALE[size]),
        height_px=int(height_px * _SCALE[size]),
        seed=seed,
        mime_type=_mime_type(image_config),
    )


def too_many_pictures(given: int, most: int) -> ApiError:
    """The refusal of a prompt with more pictures than its model takes."""
    return invalid(
        f"Unable to submit request because it has {given} images but at most {most} are supported. "
        "Remove some and try again."
    )


def output_limit(model: ImageModel, body: Json) -> int:
    """Tokens that an answer may have, thinking included. Raises: ApiError 400 for more than the model's own limit."""
    most = wire.whole(wire.section(body, "generationConfig"), "maxOutputTokens", model.max_output_tokens)
    if not 1 <= most <= model.max_output_tokens:
        raise invalid(
            f"Unable to submit request because it has a maxOutputTokens value of {most} but the supported range is "
            f"from 1 (inclusive) to {model.max_output_tokens + 1} (exclusive). Update the value and try again."
        )
    return most


def _mime_type(image_config: Json) -> str:
    wanted = str(wire.field(wire.section(image_config, "imageOutputOptions"), "mimeType", "image/png"))
    if wanted not in ("image/png", "image/jpeg"):
        raise invalid(f"Unsupported output mime type {wanted}, supported values are [image/png,image/jpeg].")
    return wanted


async def _bytes(media: wire.Media, storage: Storage) -> bytes:
    if media.uri:
        try:
            content = await storage.read(media.uri)
        except StorageError as error:
            raise invalid(f"Cannot fetch content from the provided URL {media.uri}: {error}") from error
    else:
        content = media.data
    most = _MOST_STORED_BYTES if media.uri else _MOST_INLINE_BYTES
    if len(content) > most:
        raise invalid(f"The image is too large: {len(content)} bytes, at most {most} are supported.")
    return content


_GROUND = 0.74  # where figures stand, above the caption
_AFLOAT = 0.6
_ALOFT = 0.42
_CAPTION_CHARS = 170
_CAPTION_SHARE = 0.3  # of the height, darkened for the text
_FAST_PNG = 2


def paint(wanted: PictureRequest) -> bytes:
    """A PNG or JPEG of exactly the size wanted, the same for the same request."""
    picture = landscape(wanted)
    if wanted.bars is not None:
        picture = wanted.bars.frame(picture)
    encoded = io.BytesIO()
    if wanted.mime_type == "image/jpeg":
        exif = Image.Exif()
        if wanted.kind == "turned":
            picture = picture.transpose(Image.Transpose.ROTATE_90)
            exif[ExifTags.Base.Orientation] = _TURNED_RIGHT
        picture.convert("CMYK" if wanted.kind == "cmyk" else "RGB").save(encoded, "JPEG", quality=90, exif=exif)
    else:
        _as_odd(picture, wanted.kind).save(encoded, "PNG", compress_level=_FAST_PNG)
    return encoded.getvalue()


def _as_odd(picture: Image.Image, kind: str) -> Image.Image:
    if kind == "palette":
        return picture.quantize(128)
    if kind == "deep":  # 16 bits of grey
        return Image.fromarray(np.asarray(picture.convert("L"), dtype=np.uint16) * 257)
    if kind == "transparent":
        picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    return picture


def landscape(wanted: PictureRequest) -> Image.Image:
    """What the prompt shows: one scene, or one in each of the panels that it asks for."""
    layout = panels.read_layout(wanted.prompt)
    if layout is None:
        return _scene(wanted)
    picture = Image.new("RGB", (wanted.width_px, wanted.height_px), panels.LINE)
    boxes = layout.boxes(wanted.width_px, wanted.height_px, wanted.seed)
    for prompt, (left, top, right, bottom) in zip(layout.prompts, boxes, strict=True):
        panel = replace(wanted, prompt=prompt, width_px=right - left, height_px=bottom - top)
        picture.paste(_scene(panel), (left, top))
    return picture


def _scene(wanted: PictureRequest) -> Image.Image:
    said = re.findall(r"[a-z]+", wanted.prompt.lower())
    seed = (wanted.prompt, wanted.seed, *(chance.number(reference) for reference in wanted.references))
    palette = palettes.choose(said, wanted.references, seed)
    canvas = scenery.sky(wanted.height_px, wanted.width_px, palette)
    if palette.night:
        scenery.stars(canvas, seed)
    scenery.sun(canvas, palette, seed)
    place = next(iter(find_named(said, PLACE_WORDS)), None) or chance.pick(list(scenery.PLACES), seed, "place")
    scenery.PLACES[place](canvas, palette, seed)
    _people(canvas, place, said, palette, seed)
    _darken_below(canvas)
    dress(canvas, wanted.prompt, _GROUND)
    picture = Image.fromarray(np.clip(canvas, 0, 255).astype(np.uint8))
    _write(picture, _caption(wanted.prompt))
    return picture


def _people(canvas: Canvas, place: str, said: list[str], palette: Palette, seed: tuple[object, ...]) -> None:
    """The first two figures the prompt names, else one that suits the place."""
    chosen = find_named(said, FIGURE_WORDS)[:2] or [chance.pick(USUAL_FIGURES[place], seed, "figure")]
    side = chance.between(0.2, 0.38, seed, "side")
    sides = (side, 1 - side) if chance.fraction(seed, "mirror") < 1 / 2 else (1 - side, side)
    afloat = {"boat"} if place == "sea" else set()
    ashore = [x for x, figure in zip(sides, chosen, strict=False) if figure not in afloat | {"balloon"}]
    if place == "sea" and ashore:
        scenery.shore(canvas, palette, seed, ashore, _GROUND)
    for x, figure in zip(sides, chosen, strict=False):
        y = _ALOFT if figure == "balloon" else _AFLOAT if figure in afloat else _GROUND
        draw_figure(canvas, FIGURES[figure], palette, (x, y), chance.between(0.9, 1.25, seed, figure))


def _darken_below(canvas: Canvas) -> None:
    rows = int(canvas.shape[0] * _CAPTION_SHARE)
    shade = np.linspace(0, 1, rows, dtype=np.float32) ** 0.7 * 0.62
    canvas[-rows:] *= (1 - shade)[:, None, None]


def _caption(prompt: str) -> str:
    """The prompt's first line without the labels before what it shows: ``First picture: A fox.`` gives A fox."""
    line = next((line.strip() for line in prompt.splitlines() if line.strip()), "")
    shown = re.sub(r"^(?:[^:.,]{1,40}:\s+)+", "", line)
    return " ".join(shown.split())


def _write(picture: Image.Image, text: str) -> None:
    """The prompt's first words, wrapped, centred, bottom third."""
    draw = ImageDraw.Draw(picture)
    size_px = max(10, round(min(picture.width, picture.height) * 0.042))
    font = ImageFont.load_default(size_px)
    chars = int(picture.width * 0.86 / draw.textlength("abcdefghij klmnop", font) * len("abcdefghij klmnop"))
    lines = textwrap.wrap(textwrap.shorten(text, _CAPTION_CHARS, placeholder=" …"), max(chars, 8))
    below = picture.height - round(size_px * 0.9)
    for line in reversed(lines):
        below -= round(size_px * 1.3)
        left = (picture.width - draw.textlength(line, font)) / 2
        draw.text((left, below), line, (250, 248, 240), font, stroke_width=max(1, size_px // 16), stroke_fill=(0, 0, 0))
