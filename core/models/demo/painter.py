"""
The demo painter. The colours, the time of day and the things of its PNG follow the prompt.

The layers from back to front are sky, light, far hills, ground, things. The same prompt and index
give the same picture.
"""

import hashlib
import io
import math
import random
import re
from collections.abc import Callable

from PIL import Image, ImageDraw, ImageFilter

from core.models.demo.colours import COLOURS, TIMES, Colour, hsv, mix, shade
from core.models.demo.things import THINGS, Draw, orbs

TINTS = (
    (("warmer", "warm", "暖"), (1.18, 1.02, 0.82)),
    (("colder", "cooler", "cold", "cool", "冷"), (0.84, 1.0, 1.18)),
    (("darker", "dark", "暗"), (0.65, 0.65, 0.65)),
    (("brighter", "bright", "lighter", "亮"), (1.3, 1.3, 1.3)),
)
"""How much of red, green and blue stays of a picture that is to be so."""


def paint(prompt: str, size: tuple[int, int], index: int = 0) -> bytes:
    """A PNG of *size* pixels for *prompt*; *index* varies it."""
    seed = hashlib.sha256(f"{prompt}\0{index}".encode()).digest()
    chance = random.Random(seed)  # noqa: S311 - a picture, not a secret
    words = set(re.findall(r"[a-z]+", prompt.lower()))

    def says(word: str) -> bool:
        # Chinese has no spaces between words, so the word may be anywhere.
        return word in words or f"{word}s" in words if word.isascii() else word in prompt

    scale = 2 if size[0] * size[1] <= 1_600_000 else 1
    width, height = size[0] * scale, size[1] * scale
    hue = chance.random()
    default = (hsv(hue, 0.45, 0.72), hsv((hue + 0.08) % 1, 0.22, 0.98))
    top, bottom = next((sky for word, sky in TIMES.items() if says(word)), default)
    picture = _sky(width, height, top, bottom)
    dark = sum(top) < 240
    _light(picture, chance, dark)
    draw = ImageDraw.Draw(picture)
    ground = _ground(says, chance, dark)
    _hills(draw, width, height, chance, bottom, ground)
    main = next((c for word, c in COLOURS.items() if says(word)), hsv((hue + 0.5) % 1, 0.6, 0.8))
    found = [thing for names, thing in THINGS if any(map(says, names))]
    for place, thing in enumerate(found[:3] or [orbs]):
        unit = min(width, height) * (0.36 if place == 0 else 0.2)
        x = width * (0.5 if place == 0 else (0.2, 0.8)[place - 1])
        thing(draw, x, height * 0.8, unit, main if place == 0 else shade(main, 0.75), chance)
    if says("snow") or says("雪"):
        _snow(draw, width, height, chance)
    picture = picture.resize(size, Image.Resampling.LANCZOS) if scale > 1 else picture
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=3)
    return file.getvalue()


def change(data: bytes, prompt: str) -> bytes:
    """The picture in *data*, changed as *prompt* says: warmer, darker, blue, in black and white.

    Raises:
        OSError: it is no picture.
    """
    words = set(re.findall(r"[a-z]+", prompt.lower()))
    with Image.open(io.BytesIO(data)) as opened:
        picture = opened.convert("RGB")
    for names, (red, green, blue) in TINTS:
        if any(name in words or (not name.isascii() and name in prompt) for name in names):
            bands = zip(picture.split(), (red, green, blue), strict=True)
            changed = [band.point(lambda v, by=by: min(255, int(v * by))) for band, by in bands]
            picture = Image.merge("RGB", changed)
    if words & {"white", "grey", "gray"} or "黑白" in prompt:
        picture = picture.convert("L").convert("RGB")
    for word, colour in COLOURS.items():
        if word in words or (not word.isascii() and word in prompt):
            picture = Image.blend(picture, Image.new("RGB", picture.size, colour), 0.3)
            break
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=3)
    return file.getvalue()


def _sky(width: int, height: int, top: Colour, bottom: Colour) -> Image.Image:
    column = Image.new("RGB", (1, 64))
    for y in range(64):
        column.putpixel((0, y), mix(top, bottom, y / 63))
    return column.resize((width, height), Image.Resampling.BICUBIC)


def _light(picture: Image.Image, chance: random.Random, dark: bool) -> None:
    """A sun or a moon with its glow, and stars at night."""
    width, height = picture.size
    x, y = width * chance.uniform(0.18, 0.82), height * chance.uniform(0.14, 0.3)
    radius = min(width, height) * 0.07
    glow = Image.new("L", (width // 8, height // 8))
    spot = ImageDraw.Draw(glow)
    r = radius / 8 * 2.6
    spot.ellipse((x / 8 - r, y / 8 - r, x / 8 + r, y / 8 + r), fill=150)
    glow = glow.filter(ImageFilter.GaussianBlur(radius / 8)).resize(picture.size)
    colour = (236, 238, 250) if dark else (255, 244, 208)
    picture.paste(colour, mask=glow)
    draw = ImageDraw.Draw(picture)
    if dark:
        for _ in range(140):
            star, dot = (
                (chance.random() * width, chance.random() * height * 0.6),
                chance.uniform(1, 3),
            )
            draw.ellipse((*star, star[0] + dot, star[1] + dot), fill=(240, 240, 255))
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


def _ground(says: Callable[[str], bool], chance: random.Random, dark: bool) -> Colour:
    if says("snow") or says("雪"):
        colour = (226, 234, 244)
    elif any(map(says, ("sea", "ocean", "海", "lake", "湖"))):
        colour = (52, 112, 148)
    elif any(map(says, ("desert", "beach", "沙"))):
        colour = (222, 188, 128)
    else:
        colour = hsv(chance.uniform(0.24, 0.4), 0.42, 0.5)
    return shade(colour, 0.45) if dark else colour


def _hills(
    draw: Draw, width: int, height: int, chance: random.Random, far: Colour, near: Colour
) -> None:
    layers = 4
    for layer in range(layers):
        base = height * (0.52 + 0.09 * layer)
        swing = height * 0.09 * (1 - layer / (layers + 1))
        waves = [(chance.uniform(0.6, 2.6) * (layer + 1), chance.uniform(0, 6.3)) for _ in range(3)]
        line = [
            (x, base - swing * sum(math.sin(x / width * f * 3 + p) for f, p in waves) / 2)
            for x in range(0, width + 8, 8)
        ]
        colour = mix(far, near, (layer + 1) / layers)
        draw.polygon([*line, (width, height), (0, height)], fill=colour)


def _snow(draw: Draw, width: int, height: int, chance: random.Random) -> None:
    for _ in range(260):
        x, y, r = chance.random() * width, chance.random() * height, chance.uniform(1.5, 5)
        draw.ellipse((x, y, x + r, y + r), fill=(252, 253, 255))
