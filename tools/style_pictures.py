# ruff: noqa: C901, PLR0911, PLR0912, PLR0915, PLR2004, E501, S311 - one case for each composition; coordinates are numbers
"""Draw the picture of every style and template: the same keeper, house and light, each time by its own craft.

``python -m tools.style_pictures`` writes them into functions/promptreel/data/styles. The same code draws the same pictures.
"""

from pathlib import Path
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFilter

FOLDER = Path(__file__).parents[1] / "functions" / "promptreel" / "data" / "styles"
WIDTH, HEIGHT = 320, 180
QUALITY = 60
EDGE = 35  # brightness from which a difference is an edge

# Composition, colours of sky above and below, ground, subject and accent, and what is done to the finished picture.
RECIPES: dict[str, tuple[str, str, str]] = {
    "symmetrical-pastel": ("facade", "#f7d6d9 #fbeedb #b9dcc6 #e79aa6 #a8433f", "flat"),
    "one-point-perspective": ("corridor", "#ece8df #cfc9bd #9b2f26 #d9d4c8 #e07b28", "sharp"),
    "classic-suspense": ("stairs", "#8b9288 #5d665f #3b403b #d8d2bf #b3201f", "blinds"),
    "film-noir": ("street", "#2a2a2a #8d8d8d #101010 #050505 #f2f2f2", "mono grain blinds"),
    "painted-wonder": ("hills", "#5fb0e6 #e8f5fb #6fb04a #fdfdfd #d9643a", "paint"),
    "luminous-sky-animation": ("city", "#4b3aa0 #ff9e86 #27346b #16204a #ffd9a0", "glow"),
    "neon-rain": ("city", "#0b1024 #1f1440 #07151c #0a0a18 #ff2fb0", "rain neon glow"),
    "monumental-science-fiction": ("monolith", "#c9b294 #e4d5bd #a88a64 #4d4238 #2a2420", "haze bars"),
    "cool-procedural": ("room", "#22301f #39492c #11160f #0a0d0a #d9a441", "grain bars"),
    "practical-epic": ("sea", "#55677a #a9b7c2 #2f404f #1c262f #e8edf0", "bars"),
    "wonder-adventure": ("doorway", "#2a1c10 #f3c46b #1d2a1a #120d08 #fff0b8", "glow"),
    "pulp-dialogue": ("diner", "#e7b52c #f2d46a #a3161a #1a1a1a #2fa7a2", "sharp grain"),
    "dream-logic": ("curtain", "#5a0710 #8e0f1b #efe6cf #1a0508 #f0d060", "vignette"),
    "gothic-whimsy": ("crooked", "#1b2340 #45507e #14131c #08070c #f1edd8", "vignette"),
    "saturated-melodrama": ("room", "#d8272b #f04a3c #1546b0 #0c7a4b #ffd83a", "sharp"),
    "smeared-night-romance": ("corridor", "#0d2a20 #14503a #5c0d1a #0b1512 #e8b040", "smear"),
    "weather-and-steel": ("grass", "#8d9294 #c2c6c6 #8b7c4e #1b1b1d #b3231f", "rain"),
    "magic-hour-poem": ("grass", "#e79a6b #ffe0a6 #b98a3a #3a2613 #fff3cf", "glow"),
    "sun-scorched-western": ("desert", "#9cc0cf #f4e3bd #cf8a3c #5b2f16 #f8f0d8", "bars grain"),
    "handheld-realism": ("street", "#a5abad #c9cccb #7d7f7f #39506b #96503c", "tilt"),
    "silent-comedy": ("facade", "#d9d2bf #efe8d4 #a79f8b #3a372f #100f0c", "mono grain iris"),
    "patient-nature": ("bird", "#9cc7b2 #e9f0d8 #4d6b38 #3b2b1c #e0b040", "blurred-edges"),
    "clay-stop-motion": ("hills", "#8fc3d8 #cfe6ea #5f9e54 #e8843a #f5e6c8", "clay"),
    "paper-cutout": ("hills", "#f0dfc0 #e9c99a #2f8f8a #d8452f #fff8ea", "paper"),
    "watercolour-storybook": ("hills", "#dbe9f2 #ffffff #a9c48a #c96a7a #6b6b70", "watercolour"),
    "clean-commercial": ("product", "#ffffff #e9eaec #f4f4f5 #2b2d31 #2f7bff", "sharp"),
    "technicolor-musical": ("stage", "#2b2f9e #8a5fd0 #e8b92a #d02038 #fff2b0", "sharp"),
    "creeping-dread": ("doorway", "#0c0e0d #2a2f2c #070808 #020202 #7d8a80", "grain vignette"),
    "time-sculpture": ("sea", "#8a8468 #c2b994 #5f5b43 #2c291d #e07a2c", "haze sepia"),
    "trailer": ("monolith", "#140f1e #d0502a #0c0a10 #050408 #ffd27a", "bars glow"),
    "product-ad": ("product", "#ffe9dc #ffc9a8 #fff4ec #c23a2b #ffffff", "sharp"),
    "explainer": ("diagram", "#f7fafc #eef4f8 #dfe9f0 #2b6cb0 #f2a33a", "flat"),
    "music-video": ("stage", "#12042a #6a0f8f #05010f #ff3d8b #38e8ff", "glow"),
    "childrens-story": ("page", "#bfe3f2 #fff6dc #8cc46a #f2a03d #d9534f", "flat"),
    "documentary": ("bird", "#b8c4c8 #e6e6dc #7a7a60 #2f2f2a #c98a3a", "blurred-edges"),
    "recipe": ("table", "#c89a68 #b9844f #f7f3ea #d8452f #6fa043", "flat"),
    "property-tour": ("villa", "#a8d4f0 #f3f8fb #86ab62 #f4f1ea #3f6f8f", "sharp"),
}


def draw(name: str) -> Image.Image:
    """The picture of one style or template."""
    composition, colours, finish = RECIPES[name]
    picture = gradient(*colours.split()[:2])
    compose(picture, composition, colours.split(), Random(name))
    for step in finish.split():
        picture = finished(picture, step, colours.split(), Random(name))
    return picture


def gradient(above: str, below: str) -> Image.Image:
    """The sky or wall behind everything."""
    mask = Image.linear_gradient("L").resize((WIDTH, HEIGHT))
    return Image.composite(Image.new("RGB", mask.size, below), Image.new("RGB", mask.size, above), mask)


def keeper(pen: ImageDraw.ImageDraw, x: float, foot: float, tall: float, colour: str, head: str) -> None:
    """A standing figure, `tall` pixels high."""
    pen.polygon([(x - tall * 0.16, foot), (x - tall * 0.09, foot - tall * 0.72), (x + tall * 0.09, foot - tall * 0.72),
                 (x + tall * 0.16, foot)], colour)  # fmt: skip
    pen.ellipse([x - tall * 0.1, foot - tall, x + tall * 0.1, foot - tall * 0.76], head)


def compose(picture: Image.Image, composition: str, colours: list[str], chance: Random) -> None:
    """Put ground, house and keeper into the picture."""
    _, below, ground, subject, accent = colours
    pen = ImageDraw.Draw(picture)
    match composition:
        case "facade":
            pen.rectangle([0, 140, WIDTH, HEIGHT], ground)
            pen.rectangle([70, 30, 250, 140], subject)
            pen.polygon([(60, 30), (160, 4), (260, 30)], accent)
            for x in (88, 124, 180, 216):
                for y in (44, 82):
                    pen.rectangle([x, y, x + 16, y + 24], below, accent)
            pen.rectangle([148, 96, 172, 140], accent)
            for x in (40, 280):
                pen.ellipse([x - 16, 94, x + 16, 126], accent)
                pen.rectangle([x - 2, 126, x + 2, 142], accent)
            keeper(pen, 160, 166, 44, accent, below)
        case "corridor":
            for number in range(9, 0, -1):
                half_width, half_height = number * 18, number * 10.5
                shade = subject if number % 2 else below
                pen.rectangle([160 - half_width, 90 - half_height, 160 + half_width, 90 + half_height], shade, ground)
            pen.polygon([(0, HEIGHT), (152, 96), (168, 96), (WIDTH, HEIGHT)], ground)
            for number in range(1, 8):
                pen.line([160 - number * 20, 90 + number * 11.6, 160 + number * 20, 90 + number * 11.6], accent, 2)
            keeper(pen, 160, 128, 50, accent, below)
        case "stairs":
            for number in range(9):
                pen.rectangle(
                    [40 + number * 30, 160 - number * 15, WIDTH, 175 - number * 15], ground if number % 2 else below
                )
            keeper(pen, 262, 44, 40, "#101010", subject)
            pen.ellipse([16, 122, 62, 168], subject)
            pen.ellipse([30, 136, 48, 154], accent)
        case "street":
            pen.polygon([(0, HEIGHT), (140, 104), (180, 104), (WIDTH, HEIGHT)], ground)
            for x, top in ((0, 10), (46, 34), (88, 56), (122, 76)):
                pen.rectangle([x, top, x + 40, 150 - x // 4], subject)
                pen.rectangle([WIDTH - x - 40, top + 8, WIDTH - x, 150 - x // 4], subject)
            pen.line([212, 60, 212, 150], accent, 2)
            pen.ellipse([202, 48, 222, 68], accent)
            keeper(pen, 150, 160, 66, subject, accent)
        case "hills":
            pen.ellipse([226, 14, 268, 56], colours[4])
            for x, y in ((50, 40), (84, 32), (118, 42), (180, 66)):
                pen.ellipse([x - 26, y - 16, x + 30, y + 18], "#ffffff")
            pen.ellipse([-120, 96, 240, 320], ground)
            pen.ellipse([110, 110, 460, 330], shade_of(ground, 0.82))
            pen.rectangle([216, 84, 252, 118], subject)
            pen.polygon([(208, 86), (234, 62), (260, 86)], accent)
            keeper(pen, 112, 150, 44, accent, subject)
        case "city":
            for x in range(-6, WIDTH, 26):
                top = chance.randint(28, 110)
                pen.rectangle([x, top, x + 22, HEIGHT], subject)
                for y in range(top + 6, 150, 11):
                    for wide in (3, 9, 15):
                        if chance.random() < 0.4:
                            pen.rectangle([x + wide, y, x + wide + 3, y + 4], accent)
            pen.rectangle([0, 148, WIDTH, HEIGHT], ground)
            keeper(pen, 160, 170, 56, "#05060c", accent)
        case "monolith":
            pen.rectangle([0, 138, WIDTH, HEIGHT], ground)
            pen.polygon([(110, 138), (136, 10), (214, 10), (240, 138)], subject)
            pen.ellipse([160, 44, 190, 74], accent)
            keeper(pen, 84, 146, 16, subject, subject)
        case "room":
            pen.rectangle([0, 132, WIDTH, HEIGHT], ground)
            for x in range(14, WIDTH, 34):
                pen.ellipse([x, 20, x + 12, 32], below)
            pen.rectangle([196, 96, 296, 138], subject)
            pen.polygon([(230, 40), (262, 40), (276, 66), (216, 66)], accent)
            pen.line([246, 66, 246, 96], accent, 3)
            keeper(pen, 100, 160, 84, subject, accent)
        case "sea":
            pen.rectangle([0, 104, WIDTH, HEIGHT], ground)
            for y in range(108, HEIGHT, 9):
                x = chance.randint(0, 120)
                pen.line([x, y, x + chance.randint(60, 200), y], below, 1)
            pen.polygon([(214, 104), (226, 40), (242, 40), (254, 104)], subject)
            pen.ellipse([226, 28, 242, 42], accent)
            keeper(pen, 92, 158, 58, subject, accent)
        case "doorway":
            pen.rectangle([0, 0, WIDTH, HEIGHT], subject)
            pen.polygon([(126, 150), (194, 150), (286, HEIGHT), (34, HEIGHT)], below)
            pen.rectangle([126, 34, 194, 150], below)
            pen.rectangle([136, 44, 184, 150], accent)
            keeper(pen, 160, 152, 70, ground, ground)
        case "diner":
            pen.rectangle([0, 0, WIDTH, 62], accent)
            for x in range(0, WIDTH, 40):
                pen.rectangle([x, 62, x + 20, 72], "#f7f0e0")
            pen.rectangle([0, 128, WIDTH, HEIGHT], ground)
            pen.rectangle([92, 108, 228, 118], "#f7f0e0")
            pen.rectangle([154, 118, 166, 164], subject)
            keeper(pen, 72, 152, 84, subject, "#e6b58c")
            keeper(pen, 248, 152, 84, subject, "#e6b58c")
        case "curtain":
            for x in range(0, WIDTH, 20):
                pen.rectangle([x, 0, x + 9, 130], shade_of(below, 0.6))
            for row in range(5):
                for column in range(-1, 18):
                    x = column * 20 + (row % 2) * 10
                    pen.polygon(
                        [(x, 140 + row * 10), (x + 10, 130 + row * 10), (x + 20, 140 + row * 10)],
                        subject if row % 2 else ground,
                    )
            keeper(pen, 160, 160, 70, subject, accent)
        case "crooked":
            pen.ellipse([206, 14, 276, 84], accent)
            pen.polygon([(0, 150), (120, 110), (WIDTH, 156), (WIDTH, HEIGHT), (0, HEIGHT)], ground)
            pen.polygon([(92, 140), (80, 60), (132, 52), (138, 138)], subject)
            pen.polygon([(70, 64), (120, 8), (142, 54)], subject)
            pen.rectangle([98, 76, 114, 96], accent)
            for turn in range(6):
                pen.arc(
                    [232 + turn * 4, 100 + turn * 4, 284 - turn * 4, 152 - turn * 4],
                    turn * 60,
                    turn * 60 + 250,
                    subject,
                    3,
                )
            keeper(pen, 190, 158, 62, subject, accent)
        case "grass":
            pen.ellipse([30, 26, 76, 72], accent)
            pen.rectangle([0, 116, WIDTH, HEIGHT], ground)
            keeper(pen, 206, 146, 84, subject, subject)
            pen.line([226, 50, 238, 146], subject, 2)
            pen.polygon([(226, 50), (266, 56), (230, 78)], accent)
            for x in range(0, WIDTH, 3):
                pen.line([x, HEIGHT, x + chance.randint(2, 12), chance.randint(112, 136)], shade_of(ground, 0.75), 1)
        case "desert":
            pen.ellipse([142, 22, 178, 58], accent)
            pen.polygon([(0, 112), (40, 70), (84, 70), (104, 112)], subject)
            pen.polygon([(230, 112), (250, 84), (292, 84), (WIDTH, 112)], subject)
            pen.rectangle([0, 112, WIDTH, HEIGHT], ground)
            keeper(pen, 58, 168, 96, subject, subject)
            keeper(pen, 246, 132, 26, subject, subject)
        case "bird":
            for x in range(0, WIDTH, 24):
                pen.ellipse([x - 26, 120 + chance.randint(-16, 10), x + 36, 220], ground)
            pen.line([0, 128, 212, 104], subject, 6)
            pen.ellipse([128, 58, 204, 108], subject)
            pen.ellipse([180, 42, 218, 80], subject)
            pen.polygon([(214, 56), (244, 64), (214, 70)], accent)
            pen.ellipse([198, 54, 205, 61], accent)
            pen.polygon([(134, 90), (84, 118), (150, 104)], subject)
        case "product":
            pen.ellipse([70, 134, 250, 168], ground)
            pen.rounded_rectangle([132, 46, 188, 150], 14, subject)
            pen.rectangle([146, 26, 174, 48], subject)
            pen.rectangle([132, 84, 188, 116], accent)
        case "stage":
            for x in (40, 120, 200, 280):
                pen.polygon([(x - 4, 0), (x + 4, 0), (x + 46, 150), (x - 46, 150)], shade_of(below, 1.25))
            pen.rectangle([0, 146, WIDTH, HEIGHT], ground)
            for x in (70, 130, 190, 250):
                keeper(pen, x, 160, 72, subject if x != 130 else accent, accent)
                pen.line([x - 4, 112, x + 22, 76], subject, 4)
        case "diagram":
            for number, x in enumerate((60, 160, 260)):
                pen.ellipse([x - 34, 56, x + 34, 124], subject if number != 1 else accent)
                pen.rectangle([x - 12, 78, x + 12, 102], "#ffffff")
            for x in (98, 198):
                pen.polygon(
                    [(x, 86), (x + 14, 86), (x + 14, 80), (x + 26, 90), (x + 14, 100), (x + 14, 94), (x, 94)], "#4a5568"
                )
        case "page":
            pen.rectangle([20, 14, 300, 166], "#fffdf4", "#d8cba8", 3)
            pen.line([160, 14, 160, 166], "#d8cba8", 3)
            pen.ellipse([40, 100, 140, 190], ground)
            pen.ellipse([64, 60, 116, 112], subject)
            pen.ellipse([60, 48, 76, 70], subject)
            pen.ellipse([104, 48, 120, 70], subject)
            for x in (80, 96):
                pen.ellipse([x, 78, x + 5, 84], "#302010")
            for number in range(6):
                pen.line(
                    [178, 46 + number * 18, 284 - number % 3 * 22, 46 + number * 18],
                    accent if number == 0 else "#b9ad8a",
                    4,
                )
            pen.rectangle([20, 160, 300, 166], "#fffdf4")
        case "table":
            for y in range(0, HEIGHT, 30):
                pen.line([0, y, WIDTH, y], shade_of(below, 0.85), 2)
            pen.ellipse([92, 22, 228, 158], ground, "#d8d0c0", 3)
            pen.ellipse([118, 48, 202, 132], subject)
            for _ in range(14):
                x, y = chance.randint(128, 186), chance.randint(58, 118)
                pen.ellipse([x, y, x + 9, y + 6], accent)
            pen.rectangle([36, 40, 44, 146], "#d9dde0")
            pen.rectangle([268, 40, 282, 100], "#d9dde0")
        case "villa":
            pen.rectangle([0, 134, WIDTH, HEIGHT], ground)
            pen.rectangle([56, 62, 270, 134], subject)
            pen.rectangle([40, 50, 210, 62], shade_of(subject, 0.8))
            pen.rectangle([70, 76, 190, 126], accent)
            for x in (100, 130, 160):
                pen.line([x, 76, x, 126], subject, 3)
            pen.rectangle([220, 84, 248, 134], "#8a5a34")
            pen.polygon([(220, 134), (248, 134), (286, HEIGHT), (178, HEIGHT)], "#cfc8bb")


def shade_of(colour: str, factor: float) -> str:
    """A colour that is so many times as bright."""
    parts = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return "#" + "".join(f"{min(255, round(part * factor)):02x}" for part in parts)


def edges(found: Image.Image) -> Image.Image:
    """A mask of the pixels at which an edge was found."""
    return found.convert("L").point([255 if value > EDGE else 0 for value in range(256)])


def finished(picture: Image.Image, step: str, colours: list[str], chance: Random) -> Image.Image:
    """One step of the finish: what the craft does to the whole picture."""
    match step:
        case "mono":
            return picture.convert("L").convert("RGB")
        case "sepia":
            brown = ImageChops.multiply(picture.convert("L").convert("RGB"), Image.new("RGB", picture.size, "#e8d0a0"))
            return Image.blend(picture, brown, 0.6)
        case "grain":
            noise = Image.frombytes("L", picture.size, chance.randbytes(WIDTH * HEIGHT))
            soft = noise.filter(ImageFilter.GaussianBlur(1)).convert("RGB")
            return Image.blend(picture, ImageChops.overlay(picture, soft), 0.5)
        case "glow":
            light = picture.filter(ImageFilter.GaussianBlur(9)).point([value * 55 // 100 for value in range(256)] * 3)
            return ImageChops.screen(picture, light)
        case "haze":
            haze = Image.new("RGB", picture.size, colours[1])
            return Image.blend(picture.filter(ImageFilter.GaussianBlur(1)), haze, 0.35)
        case "smear":
            moved = [ImageChops.offset(picture, shift, 0) for shift in (-10, -6, -3, 3, 6, 10)]
            for one in moved:
                picture = Image.blend(picture, one, 0.35)
            return picture
        case "paint":
            return picture.filter(ImageFilter.ModeFilter(7))
        case "clay":
            relief = picture.filter(ImageFilter.GaussianBlur(3)).filter(ImageFilter.EMBOSS)
            return ImageChops.overlay(picture.filter(ImageFilter.ModeFilter(9)), relief)
        case "paper":
            edge = edges(picture.filter(ImageFilter.FIND_EDGES).filter(ImageFilter.MaxFilter(3)))
            shadow = ImageChops.offset(edge, 3, 3).filter(ImageFilter.GaussianBlur(2))
            shaded = Image.composite(Image.new("RGB", picture.size, "#5a4a3a"), picture, shadow)
            return Image.composite(Image.new("RGB", picture.size, "#fffaf0"), shaded, edge)
        case "watercolour":
            soft = Image.blend(
                picture.filter(ImageFilter.GaussianBlur(5)), Image.new("RGB", picture.size, "white"), 0.25
            )
            ink = edges(picture.filter(ImageFilter.FIND_EDGES))
            return Image.composite(Image.new("RGB", picture.size, colours[4]), soft, ink)
        case "vignette" | "iris" | "blurred-edges":
            mask = Image.new("L", picture.size)
            margin = 20 if step == "iris" else 36
            over = -2 if step == "iris" else 10
            ImageDraw.Draw(mask).ellipse([50, -over, 270, HEIGHT + over], 255)
            mask = mask.filter(ImageFilter.GaussianBlur(2 if step == "iris" else margin))
            blurred = picture.filter(ImageFilter.GaussianBlur(7))
            outside = blurred if step == "blurred-edges" else Image.new("RGB", picture.size, "black")
            return Image.composite(picture, outside, mask)
        case "tilt":
            turned = picture.rotate(5, Image.Resampling.BICUBIC).crop((14, 12, WIDTH - 14, HEIGHT - 12))
            return turned.resize(picture.size).filter(ImageFilter.GaussianBlur(0.8))
    pen = ImageDraw.Draw(picture)
    if step == "bars":
        pen.rectangle([0, 0, WIDTH, 21], "black")
        pen.rectangle([0, HEIGHT - 22, WIDTH, HEIGHT], "black")
    elif step == "blinds":
        shade = picture.point([value * 55 // 100 for value in range(256)] * 3)
        stripes = Image.new("L", picture.size)
        lines = ImageDraw.Draw(stripes)
        for y in range(-60, HEIGHT, 18):
            lines.line([0, y + 60, WIDTH, y], 255, 7)
        return Image.composite(shade, picture, stripes)
    elif step == "rain":
        for _ in range(140):
            x, y = chance.randint(0, WIDTH), chance.randint(-10, HEIGHT)
            pen.line([x, y, x - 4, y + 14], "#d8dee4", 1)
    elif step == "neon":
        for number, colour in enumerate(("#ff2fb0", "#25e6ff", "#ff9a2a")):
            pen.rounded_rectangle([24 + number * 104, 44, 66 + number * 104, 66], 6, None, colour, 3)
            pen.rectangle([30 + number * 104, 152, 60 + number * 104, 176], colour)
    return picture


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for one in RECIPES:
        draw(one).save(FOLDER / f"{one}.webp", quality=QUALITY, method=6)
