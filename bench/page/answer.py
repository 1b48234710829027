"""A long answer of the kind that is hard to show: code, tables, formulas, lists, links."""

from core.live.markdown import heal

CODE = {
    "python": "def area(width: float, height: float) -> float:\n"
    '    """The area of a rectangle."""\n    return width * height  # square metres\n',
    "javascript": "const total = prices.filter((one) => one > 3).reduce((a, b) => a + b, 0);\n"
    "console.log(`together ${total}`);\n",
    "sql": "SELECT name, count(*) AS questions\nFROM asked\nWHERE at > now() - 7\nGROUP BY name;\n",
    "bash": 'for file in *.log; do\n  grep -c "error" "$file"\ndone | sort -n\n',
    "json": '{"name": "palaver", "parts": ["bots", "core"], "tests": true}\n',
}
TABLE = (
    "| Step | What | Cost | Note |\n|:-----|:----:|-----:|------|\n"
    "| {n} | build | 12.50 | with `make` |\n"
    "| {n}a | test | 3.00 | see [the docs](https://example.org) |\n"
)
FORMULAS = (
    r"The sum is $\sum_{i=1}^{n} i = \frac{n(n+1)}{2}$, and \(e^{i\pi} + 1 = 0\) holds.",
    "$$\n\\int_0^1 x^{{n}}\\,dx = \\frac{1}{n+1}\n$$",
)


def answer(chars: int = 20_000) -> str:
    """About *chars* characters: forty code blocks, ten tables, as many formulas as sections."""
    parts = ["# Everything at once"]
    for n in range(1, 41):
        language, code = [*CODE.items()][n % len(CODE)]
        parts += [
            f"## Part {n}",
            f"Here is **part {n}** of the answer, with *some* emphasis, `code` and a "
            f"[link](https://example.org/{n}), so that each paragraph has something to do.",
            f"```{language}\n{code}```",
            FORMULAS[n % 2].replace("{{n}}", str(n)),
        ]
        if n % 4 == 0:
            parts.append(TABLE.replace("{n}", str(n)).rstrip())
        if n % 3 == 0:
            parts.append(f"- one of {n}\n- two\n  - deeper\n- [x] done\n- [ ] open")
    text = "\n\n".join(parts)
    filler = "\n\nAnd a last word that goes on for a while, as answers do."
    while len(text) + len(filler) <= chars:
        text += filler
    return text


def frames(text: str, number: int) -> list[str]:
    """*text* as it grows, cut as the server shows it."""
    return [heal(text[: len(text) * n // number]) for n in range(1, number)] + [text]
