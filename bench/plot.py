"""Plots as SVG, which can be read on light and on dark ground."""

from html import escape

WIDTH, LEFT, RIGHT, TOP = 860, 64, 16, 34
HEIGHT = 220
"""Of the part of a plot of lines that holds the lines."""
BAR, GAP, NAMES = 15, 6, 410
CUT = 2.5
"""Bars end here: what is far off needs no exact length."""
STYLE = (
    "text{font:12px sans-serif;fill:#333}.t{font-weight:bold;font-size:14px}.e{text-anchor:end}"
    ".ground{fill:#fff}.axis{stroke:#999;fill:none}.a{stroke:#2f7d5b;fill:#2f7d5b}"
    ".b{stroke:#b06a1d;fill:#b06a1d}.c{stroke:#5a6fb0;fill:#5a6fb0}.line{fill:none;stroke-width:2}"
    ".met{fill:#2f7d5b}.missed{fill:#b5483a}.target{stroke:#333;stroke-dasharray:4 3}"
    "@media(prefers-color-scheme:dark){text{fill:#ddd}.ground{fill:#16181c}.axis{stroke:#777}"
    ".a{stroke:#5fc294;fill:#5fc294}.b{stroke:#e0a458;fill:#e0a458}.c{stroke:#93a7ea;fill:#93a7ea}"
    ".met{fill:#4aa87d}.missed{fill:#d9705f}.target{stroke:#ddd}}polyline.line{fill:none}"
)


def _drawing(title, height, parts):
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}">'
        f"<style>{STYLE}</style><title>{escape(title)}</title>"
        f'<rect width="100%" height="100%" class="ground"/>'
        f'<text x="10" y="20" class="t">{escape(title)}</text>{"".join(parts)}</svg>\n'
    )


def _steps(most):
    """Round numbers from 0 to *most*, five or so."""
    size = 10 ** (len(str(int(max(most, 1)))) - 1)
    step = next(one * size for one in (0.2, 0.5, 1, 2) if most <= 6 * one * size)
    return [step * number for number in range(int(most / step) + 1)]


def lines(title, across, up, series):
    """Lines over each other. *series*: a list of points (x, y) for each name, three at most."""
    points = [point for some in series.values() for point in some]
    most_x = max(x for x, _ in points)
    most_y = max(y for _, y in points) * 1.1 or 1.0
    right, bottom = WIDTH - RIGHT, TOP + HEIGHT

    def at(x, y):
        along = LEFT + x / most_x * (right - LEFT)
        return f"{along:.1f},{bottom - y / most_y * HEIGHT:.1f}"

    parts = [f'<path d="M{at(0, most_y)} L{at(0, 0)} L{at(most_x, 0)}" class="axis"/>']
    for y in _steps(most_y):
        x, height = at(0, y).split(",")
        parts.append(f'<text x="{float(x) - 6}" y="{float(height) + 4}" class="e">{y:,g}</text>')
    for x in _steps(most_x):
        along, _ = at(x, 0).split(",")
        parts.append(f'<text x="{along}" y="{bottom + 16}" text-anchor="middle">{x:,g}</text>')
    parts.append(f'<text x="{right}" y="{bottom + 34}" class="e">{escape(across)}</text>')
    parts.append(f'<text x="{LEFT + 8}" y="{TOP + 12}">{escape(up)}</text>')
    for number, (name, some) in enumerate(series.items()):
        kind = "abc"[number]
        path = " ".join(at(*point) for point in some)
        x = LEFT + 8 + number * 200
        parts += [
            f'<polyline points="{path}" class="line {kind}"/>',
            f'<rect x="{x}" y="{bottom + 25}" width="10" height="10" class="{kind}"/>',
            f'<text x="{x + 15}" y="{bottom + 34}">{escape(name)}</text>',
        ]
    return _drawing(title, bottom + 46, parts)


def bars(title, rows):
    """Figures against their targets. *rows*: (name, how many times its target, what it says)."""
    parts, y = [], TOP
    scale = (WIDTH - NAMES - 150) / CUT
    for name, ratio, said in rows:
        length = min(ratio, CUT) * scale
        kind = "met" if ratio <= 1 else "missed"
        parts += [
            f'<text x="{NAMES - 8}" y="{y + 12}" class="e">{escape(name)}</text>',
            f'<rect x="{NAMES}" y="{y}" width="{length:.1f}" height="{BAR}" class="{kind}"/>',
            f'<text x="{NAMES + length + 6:.1f}" y="{y + 12}">{escape(said)}</text>',
        ]
        y += BAR + GAP
    x = NAMES + scale
    parts.append(f'<path d="M{x:.1f} {TOP - 4} V{y}" class="target"/>')
    parts.append(f'<text x="{x:.1f}" y="{y + 14}" text-anchor="middle">target</text>')
    return _drawing(title, y + 24, parts)
