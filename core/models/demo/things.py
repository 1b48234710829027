"""The things that the demo painter can draw, and the words that ask for each.

A thing stands on *floor* with its middle at *x*, about *unit* pixels wide to each side.
"""

import math
import random
from collections.abc import Callable, Sequence

from PIL import ImageDraw

from core.models.demo.colours import Colour, hsv, mix, shade

Draw = ImageDraw.ImageDraw


def _creature(ears: str, bushy: bool) -> Callable[..., None]:
    """A sitting animal seen from the front, with *ears* `pointed`, `round`, `long` or `flat`."""

    def thing(
        draw: Draw, x: float, floor: float, unit: float, colour: Colour, _: random.Random
    ) -> None:
        belly, shadow = mix(colour, (255, 248, 240), 0.75), shade(colour, 0.72)
        head = unit * 0.34
        top = floor - unit * 1.12

        def oval(cx: float, cy: float, rx: float, ry: float, fill: Colour) -> None:
            draw.ellipse((cx - rx, cy - ry, cx + rx, cy + ry), fill=fill)

        oval(x, floor, unit * 0.66, unit * 0.09, shade(colour, 0.3))
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
    leaf = mix(colour, (64, 128, 78), 0.6)
    for level in range(4):
        wide, y = unit * (0.5 - level * 0.1), floor - unit * (0.3 + level * 0.27)
        shape = [(x - wide, y), (x + wide, y), (x, y - unit * 0.48)]
        draw.polygon(shape, fill=shade(leaf, 0.85 + level * 0.09))


def _mountain(
    draw: Draw, x: float, floor: float, unit: float, colour: Colour, _: random.Random
) -> None:
    rock = mix(colour, (104, 110, 128), 0.6)
    for side, light in ((-1, 1.05), (1, 0.8)):
        draw.polygon(
            [(x, floor - unit * 1.5), (x, floor), (x + side * unit, floor)],
            fill=shade(rock, light),
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
            (left, floor - tall, left + wide, floor), fill=mix(colour, (52, 56, 84), 0.7)
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
        fill=mix(colour, (250, 240, 226), 0.55),
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
    metal = mix(colour, (176, 186, 198), 0.5)
    draw.rounded_rectangle(
        (x - unit * 0.36, floor - unit * 0.75, x + unit * 0.36, floor),
        unit * 0.08,
        fill=shade(metal, 0.85),
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


def orbs(
    draw: Draw, x: float, floor: float, unit: float, colour: Colour, chance: random.Random
) -> None:
    """Draw circles for words that the painter does not know."""
    for ring in range(9, 0, -1):
        r = unit * 0.09 * ring
        share = chance.uniform(0, 0.5)
        shape = (x - r, floor - unit * 0.8 - r, x + r, floor - unit * 0.8 + r)
        draw.ellipse(shape, fill=mix(colour, hsv(chance.random(), 0.4, 0.95), share))


THINGS: Sequence[tuple[tuple[str, ...], Callable[..., None]]] = (
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
