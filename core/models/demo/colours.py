"""The colours of the demo painter: by name, by time of day, and mixed."""

import colorsys

Colour = tuple[int, int, int]

COLOURS: dict[str, Colour] = {
    "red": (206, 66, 48), "红": (206, 66, 48), "orange": (232, 132, 48), "橙": (232, 132, 48),
    "yellow": (240, 196, 70), "黄": (240, 196, 70), "green": (78, 148, 88), "绿": (78, 148, 88),
    "blue": (62, 112, 190), "蓝": (62, 112, 190), "purple": (128, 88, 176), "紫": (128, 88, 176),
    "pink": (232, 136, 166), "粉": (232, 136, 166), "black": (48, 46, 54), "黑": (48, 46, 54),
    "white": (240, 238, 232), "白": (240, 238, 232), "brown": (134, 92, 62), "棕": (134, 92, 62),
    "gold": (226, 178, 74), "金": (226, 178, 74), "grey": (134, 136, 144), "gray": (134, 136, 144),
}  # fmt: skip
TIMES: dict[str, tuple[Colour, Colour]] = {
    "night": ((16, 20, 52), (58, 60, 112)), "夜": ((16, 20, 52), (58, 60, 112)),
    "moon": ((20, 26, 60), (70, 72, 124)), "月": ((20, 26, 60), (70, 72, 124)),
    "star": ((14, 18, 48), (56, 54, 108)), "星": ((14, 18, 48), (56, 54, 108)),
    "sunset": ((86, 58, 122), (250, 158, 92)), "日落": ((86, 58, 122), (250, 158, 92)),
    "dawn": ((118, 142, 196), (252, 204, 170)), "日出": ((118, 142, 196), (252, 204, 170)),
    "storm": ((58, 66, 82), (124, 132, 146)), "rain": ((84, 100, 122), (164, 176, 190)),
    "snow": ((158, 190, 222), (232, 240, 248)), "雪": ((158, 190, 222), (232, 240, 248)),
}  # fmt: skip


def hsv(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def shade(colour: Colour, by: float) -> Colour:
    red, green, blue = (max(0, min(255, round(part * by))) for part in colour)
    return red, green, blue


def mix(a: Colour, b: Colour, share: float) -> Colour:
    red, green, blue = (round(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return red, green, blue
