"""
The demo painter: a PNG whose colours, time of day and things follow the prompt.

Layers from back to front: sky, light, far hills, ground, things. The
same prompt and index give the same picture.
"""

import colorsys
import hashlib
import io
import math
import random
import re
from collections.abc import Callable, Sequence

from PIL import Image, ImageDraw, ImageFilter

Colour = tuple[int, int, int]
Draw = ImageDraw.ImageDraw

_COLOURS: dict[str, Colour] = {
    "red": (206, 66, 48), "红": (206, 66, 48), "orange": (232, 132, 48), "橙": (232, 132, 48),
    "yellow": (240, 196, 70), "黄": (240, 196, 70), "green": (78, 148, 88), "绿": (78, 148, 88),
    "blue": (62, 112, 190), "蓝": (62, 112, 190), "purple": (128, 88, 176), "紫": (128, 88, 176),
    "pink": (232, 136, 166), "粉": (232, 136, 166), "black": (48, 46, 54), "黑": (48, 46, 54),
    "white": (240, 238, 232), "白": (240, 238, 232), "brown": (134, 92, 62), "棕": (134, 92, 62),
    "gold": (226, 178, 74), "金": (226, 178, 74), "grey": (134, 136, 144), "gray": (134, 136, 144),
}  # fmt: skip
_TIMES: dict[str, tuple[Colour, Colour]] = {
    "night": ((16, 20, 52), (58, 60, 112)), "夜": ((16, 20, 52), (58, 60, 112)),
    "moon": ((20, 26, 60), (70, 72, 124)), "月": ((20, 26, 60), (70, 72, 124)),
    "star": ((14, 18, 48), (56, 54, 108)), "星": ((14, 18, 48), (56, 54, 108)),
    "sunset": ((86, 58, 122), (250, 158, 92)), "日落": ((86, 58, 122), (250, 158, 92)),
    "dawn": ((118, 142, 196), (252, 204, 170)), "日出": ((118, 142, 196), (252, 204, 170)),
    "storm": ((58, 66, 82), (124, 132, 146)), "rain": ((84, 100, 122), (164, 176, 190)),
    "snow": ((158, 190, 222), (232, 240, 248)), "雪": ((158, 190, 222), (232, 240, 248)),
}  # fmt: skip


def paint(prompt: str, size: tuple[int, int], index: int = 0) -> bytes:
    """A PNG of *size* pixels for *prompt*; *index* varies it."""
    seed = hashlib.sha256(f"{prompt}\0{index}".encode()).digest()
    chance = random.Random(seed)  # noqa: S311 - a picture, not a secret
    words = set(re.findall(r"[a-z]+", prompt.lower()))

    def says(word: str) -> bool:
        # Chinese stands without spaces: any place in the prompt will do.
        return word in words or f"{word}s" in words if word.isascii() else word in prompt

    scale = 2 if size[0] * size[1] <= 1_600_000 else 1
    width, height = size[0] * scale, size[1] * scale
    hue = chance.random()
    default = (_hsv(hue, 0.45, 0.72), _hsv((hue + 0.08) % 1, 0.22, 0.98))
    top, bottom = next((sky for word, sky in _TIMES.items() if says(word)), default)
    picture = _sky(width, height, top, bottom)
    dark = sum(top) < 240
    _light(picture, chance, dark)
    draw = ImageDraw.Draw(picture)
    ground = _ground(says, chance, dark)
    _hills(draw, width, height, chance, bottom, ground)
    main = next((c for word, c in _COLOURS.items() if says(word)), _hsv((hue + 0.5) % 1, 0.6, 0.8))
    found = [thing for names, thing in _THINGS if any(map(says, names))]
    for place, thing in enumerate(found[:3] or [_orbs]):
        unit = min(width, height) * (0.36 if place == 0 else 0.2)
        x = width * (0.5 if place == 0 else (0.2, 0.8)[place - 1])
        thing(draw, x, height * 0.8, unit, main if place == 0 else _shade(main, 0.75), chance)
    if says("snow") or says("雪"):
        _snow(draw, width, height, chance)
    picture = picture.resize(size, Image.Resampling.LANCZOS) if scale > 1 else picture
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=3)
    return file.getvalue()


def _hsv(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def _shade(colour: Colour, by: float) -> Colour:
    red, green, blue = (max(0, min(255, round(part * by))) for part in colour)
    return red, green, blue


def _mix(a: Colour, b: Colour, share: float) -> Colour:
    red, green, blue = (round(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return red, green, blue


def _sky(width: int, height: int, top: Colour, bottom: Colour) -> Image.Image:
    column = Image.new("RGB", (1, 64))
    for y in range(64):
        column.putpixel((0, y), _mix(top, bottom, y / 63))
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
        colour = _hsv(chance.uniform(0.24, 0.4), 0.42, 0.5)
    return _shade(colour, 0.45) if dark else colour


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
        colour = _mix(far, near, (layer + 1) / layers)
        draw.polygon([*line, (width, height), (0, height)], fill=colour)


def _snow(draw: Draw, width: int, height: int, chance: random.Random) -> None:
    for _ in range(260):
        x, y, r = chance.random() * width, chance.random() * height, chance.uniform(1.5, 5)
        draw.ellipse((x, y, x + r, y + r), fill=(252, 253, 255))


def _creature(ears: str, bushy: bool) -> Callable[..., None]:
    """A sitting animal seen from the front, with *ears* `pointed`, `round`, `long` or `flat`."""

    def thing(
        draw: Draw, x: float, floor: float, unit: float, colour: Colour, _: random.Random
    ) -> None:
        belly, shadow = _mix(colour, (255, 248, 240), 0.75), _shade(colour, 0.72)
        head = unit * 0.34
        top = floor - unit * 1.12

        def oval(cx: float, cy: float, rx: float, ry: float, fill: Colour) -> None:
            draw.ellipse((cx - rx, cy - ry, cx + rx, cy + ry), fill=fill)

        oval(x, floor, unit * 0.66, unit * 0.09, _shade(colour, 0.3))
        if bushy:
            oval(x + unit * 0.55, floor - unit * 0.24, unit * 0.34, unit * 0.2, colour)
            oval(x + unit * 0.78, floor - unit * 0.3, unit * 0.14, unit * 0.13, belly)
        else:
            oval(x + unit * 0.5, floor - unit * 0.14, unit * 0.3, unit * 0.07, shadow)
        oval(x, floor - unit * 0.42, unit * 0.4, unit * 0.5, colour)
        oval(x, floor - unit * 0.36, unit * 0.22, unit * 0.36, belly)
        for side in (-1, 1):
            oval(x + side * unit * 0.2, floor - unit * 0.04, unit * 0.13, unit * 0.08, shadow)
            near, far = x + side * head * 0.35, x + side * head * 0.98
            tip = (x + side * head * 0.86, top - head * 1.15)
            if ears == "pointed":
                draw.polygon([(near, top - head * 0.6), (far, top), tip], fill=colour)
                draw.polygon(
                    [(near + side * head * 0.15, top - head * 0.5), (far - side * head * 0.14, top - head * 0.1),
                     (tip[0] - side * 4, tip[1] + head * 0.25)], fill=shadow)  # fmt: skip
            elif ears == "long":
                oval(x + side * head * 0.45, top - head * 1.3, head * 0.2, head * 0.75, colour)
                oval(x + side * head * 0.45, top - head * 1.25, head * 0.1, head * 0.55, belly)
            elif ears == "round":
                oval(x + side * head * 0.75, top - head * 0.7, head * 0.34, head * 0.34, colour)
            else:
                oval(x + side * head * 1.0, top + head * 0.1, head * 0.24, head * 0.55, shadow)
        oval(x, top, head, head * 0.9, colour)
        for side in (-1, 1):
            oval(x + side * head * 0.42, top + head * 0.4, head * 0.48, head * 0.4, belly)
        oval(x, top + head * 0.5, head * 0.34, head * 0.4, belly)
        for side in (-1, 1):
            oval(x + side * head * 0.4, top - head * 0.08, head * 0.13, head * 0.17, (34, 28, 30))
            oval(x + side * head * 0.36, top - head * 0.14, head * 0.045, head * 0.05, (255,) * 3)
        oval(x, top + head * 0.36, head * 0.14, head * 0.1, (40, 30, 32))

    return thing


def _tree(
    draw: Draw, x: float, floor: float, unit: float, colour: Colour, _: random.Random
) -> None:
    draw.rectangle((x - unit * 0.06, floor - unit * 0.4, x + unit * 0.06, floor), fill=(96, 68, 48))
    leaf = _mix(colour, (64, 128, 78), 0.6)
    for level in range(4):
        wide, y = unit * (0.5 - level * 0.1), floor - unit * (0.3 + level * 0.27)
        shape = [(x - wide, y), (x + wide, y), (x, y - unit * 0.48)]
        draw.polygon(shape, fill=_shade(leaf, 0.85 + level * 0.09))


def _mountain(
    draw: Draw, x: float, floor: float, unit: float, colour: Colour, _: random.Random
) -> None:
    rock = _mix(colour, (104, 110, 128), 0.6)
    for side, shade in ((-1, 1.05), (1, 0.8)):
        draw.polygon(
            [(x, floor - unit * 1.5), (x, floor), (x + side * unit, floor)],
            fill=_shade(rock, shade),
        )
    draw.polygon(
        [(x, floor - unit * 1.5), (x - unit * 0.27, floor - unit * 1.1), (x - unit * 0.1, floor - unit * 1.18),
         (x, floor - unit * 1.06), (x + unit * 0.12, floor - unit * 1.16), (x + unit * 0.27, floor - unit * 1.1)],
        fill=(244, 248, 252),
    )  # fmt: skip


def _city(
    draw: Draw, x: float, floor: float, unit: float, colour: Colour, chance: random.Random
) -> None:
    for place in range(-4, 5):
        wide, tall = unit * 0.2, unit * chance.uniform(0.5, 1.5)
        left = x + place * unit * 0.22 - wide / 2
        draw.rectangle(
            (left, floor - tall, left + wide, floor), fill=_mix(colour, (52, 56, 84), 0.7)
        )
        for row in range(int(tall / (unit * 0.1)) - 1):
            for column in range(3):
                if chance.random() < 0.6:
                    wx, wy = (
                        left + wide * (0.16 + column * 0.28),
                        floor - tall + unit * (0.06 + row * 0.1),
                    )
                    draw.rectangle(
                        (wx, wy, wx + wide * 0.14, wy + unit * 0.045), fill=(252, 222, 140)
                    )


def _house(
    draw: Draw, x: float, floor: float, unit: float, colour: Colour, _: random.Random
) -> None:
    draw.rectangle(
        (x - unit * 0.5, floor - unit * 0.7, x + unit * 0.5, floor),
        fill=_mix(colour, (250, 240, 226), 0.55),
    )
    draw.polygon(
        [
            (x - unit * 0.64, floor - unit * 0.7),
            (x + unit * 0.64, floor - unit * 0.7),
            (x, floor - unit * 1.25),
        ],
        fill=colour,
    )
    draw.rectangle((x - unit * 0.1, floor - unit * 0.36, x + unit * 0.1, floor), fill=(104, 72, 52))
    for side in (-1, 1):
        left = x + side * unit * 0.3 - unit * 0.1
        draw.rectangle(
            (left, floor - unit * 0.5, left + unit * 0.2, floor - unit * 0.3), fill=(255, 226, 150)
        )


def _flower(
    draw: Draw, x: float, floor: float, unit: float, colour: Colour, chance: random.Random
) -> None:
    for place, tall in ((-0.4, 0.8), (0.0, 1.2), (0.4, 0.7)):
        cx, cy, r = x + place * unit, floor - unit * tall, unit * 0.12
        draw.line((cx, cy, cx, floor), fill=(74, 128, 70), width=max(2, int(unit * 0.035)))
        turn = chance.random()
        for petal in range(7):
            angle = turn + petal * math.tau / 7
            px, py = cx + math.cos(angle) * r * 1.1, cy + math.sin(angle) * r * 1.1
            draw.ellipse((px - r * 0.8, py - r * 0.8, px + r * 0.8, py + r * 0.8), fill=colour)
        draw.ellipse((cx - r * 0.7, cy - r * 0.7, cx + r * 0.7, cy + r * 0.7), fill=(250, 210, 90))


def _boat(
    draw: Draw, x: float, floor: float, unit: float, colour: Colour, _: random.Random
) -> None:
    draw.polygon([(x - unit * 0.6, floor - unit * 0.25), (x + unit * 0.6, floor - unit * 0.25),
                  (x + unit * 0.4, floor), (x - unit * 0.4, floor)], fill=colour)  # fmt: skip
    draw.line(
        (x, floor - unit * 0.25, x, floor - unit * 1.3),
        fill=(92, 70, 54),
        width=max(2, int(unit * 0.03)),
    )
    draw.polygon(
        [
            (x + 4, floor - unit * 1.3),
            (x + 4, floor - unit * 0.35),
            (x + unit * 0.5, floor - unit * 0.35),
        ],
        fill=(250, 246, 236),
    )
    draw.polygon(
        [
            (x - 4, floor - unit * 1.1),
            (x - 4, floor - unit * 0.35),
            (x - unit * 0.38, floor - unit * 0.35),
        ],
        fill=(236, 230, 216),
    )


def _heart(
    draw: Draw, x: float, floor: float, unit: float, colour: Colour, _: random.Random
) -> None:
    points = []
    for step in range(120):
        t = step / 120 * math.tau
        px = 16 * math.sin(t) ** 3
        py = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
        points.append((x + px * unit / 24, floor - unit * 0.75 - py * unit / 24))
    draw.polygon(points, fill=colour)


def _robot(
    draw: Draw, x: float, floor: float, unit: float, colour: Colour, _: random.Random
) -> None:
    metal = _mix(colour, (176, 186, 198), 0.5)
    draw.rounded_rectangle(
        (x - unit * 0.36, floor - unit * 0.75, x + unit * 0.36, floor),
        unit * 0.08,
        fill=_shade(metal, 0.85),
    )
    draw.rounded_rectangle(
        (x - unit * 0.42, floor - unit * 1.35, x + unit * 0.42, floor - unit * 0.8),
        unit * 0.12,
        fill=metal,
    )
    draw.line(
        (x, floor - unit * 1.35, x, floor - unit * 1.55), fill=metal, width=max(2, int(unit * 0.03))
    )
    draw.ellipse(
        (x - unit * 0.06, floor - unit * 1.63, x + unit * 0.06, floor - unit * 1.51),
        fill=(240, 96, 80),
    )
    for side in (-1, 1):
        cx = x + side * unit * 0.18
        draw.ellipse(
            (cx - unit * 0.09, floor - unit * 1.2, cx + unit * 0.09, floor - unit * 1.02),
            fill=(120, 230, 240),
        )


def _orbs(
    draw: Draw, x: float, floor: float, unit: float, colour: Colour, chance: random.Random
) -> None:
    """What stands for words the painter does not know."""
    for ring in range(9, 0, -1):
        r = unit * 0.09 * ring
        share = chance.uniform(0, 0.5)
        shape = (x - r, floor - unit * 0.8 - r, x + r, floor - unit * 0.8 + r)
        draw.ellipse(shape, fill=_mix(colour, _hsv(chance.random(), 0.4, 0.95), share))


_THINGS: Sequence[tuple[tuple[str, ...], Callable[..., None]]] = (
    (("fox", "狐"), _creature("pointed", bushy=True)),
    (("cat", "kitten", "猫"), _creature("pointed", bushy=False)),
    (("dog", "puppy", "狗", "otter", "獭"), _creature("flat", bushy=False)),
    (("bear", "panda", "熊", "mouse", "鼠"), _creature("round", bushy=False)),
    (("rabbit", "bunny", "hare", "兔"), _creature("long", bushy=False)),
    (("robot", "机器人"), _robot),
    (("heart", "love", "心"), _heart),
    (("boat", "ship", "sail", "船"), _boat),
    (("house", "home", "cabin", "房", "屋"), _house),
    (("city", "town", "城"), _city),
    (("flower", "rose", "tulip", "花"), _flower),
    (("mountain", "peak", "山"), _mountain),
    (("tree", "forest", "pine", "树", "林"), _tree),
)
