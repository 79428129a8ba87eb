"""An image model's generateContent request: size, aspect and references, held against the model's limits."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from localcloud.vertex import wire
from localcloud.vertex.faults import Hits
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

    def altered(self, hits: Hits) -> "PictureRequest":
        """Half the size where a fault orders a wrong one."""
        if "wrong_size" not in hits:
            return self
        return replace(self, width_px=self.width_px // 2, height_px=self.height_px // 2)


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
        raise invalid(
            f"Unable to submit request because it has {len(pictures)} images but at most {model.max_references} "
            "are supported. Remove some and try again."
        )
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
