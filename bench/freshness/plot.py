"""A bar chart as SVG."""

from html import escape

BAR, GAP, LEFT, WIDTH = 16, 5, 170, 720
LONGEST = 4.0
"""Bars are cut here: what is far off needs no exact length."""


def bars(places):
    """*places*: for each, rows of (name, ratio to the optimum, refused calls)."""
    parts, y = [], 30
    for place, rows in places.items():
        parts.append(f'<text x="10" y="{y}" class="t">{escape(place)}</text>')
        y += 12
        for name, ratio, refused in rows:
            length = min(ratio, LONGEST) / LONGEST * (WIDTH - LEFT - 190)
            kind = "us" if name == "Palaver" else "best" if "optimum" in name else "they"
            note = f"{ratio:.2f}" + (f", {refused} calls refused" if refused else "")
            parts += [
                f'<text x="{LEFT - 8}" y="{y + 12}" text-anchor="end">{escape(name)}</text>',
                f'<rect x="{LEFT}" y="{y}" width="{length:.0f}" height="{BAR}" class="{kind}"/>',
                f'<text x="{LEFT + length + 6:.0f}" y="{y + 12}">{note}</text>',
            ]
            y += BAR + GAP
        y += 30
    style = (
        "text{font:12px sans-serif;fill:#333}.t{font-weight:bold;font-size:14px}"
        ".us{fill:#2f7d5b}.best{fill:#222}.they{fill:#b9b4a8}"
    )
    title = "Unseen characters, as a multiple of the optimum without foresight (strict world)"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}">'
        f"<style>{style}</style><title>{title}</title>"
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>\n'
    )
