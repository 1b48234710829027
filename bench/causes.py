"""What is known of figures that are missed, from `bench/causes.md`."""

import re
from pathlib import Path

CAUSES = Path(__file__).with_suffix(".md")


def causes(text):
    """(how names of figures begin, paragraph) for each heading in *text*."""
    found = re.findall(r"^## (.+)\n\n((?:(?!## ).*\n?)+)", text, re.MULTILINE)
    return [(tuple(head.split("; ")), said.strip()) for head, said in found]


def missed(figures, known):
    """A paragraph for each cause in *known* that a missed one of *figures* has, and for others."""
    left = [one.name for one in figures if one.met is False]
    for starts, said in known:
        if mine := [name for name in left if name.startswith(starts)]:
            left = [name for name in left if name not in mine]
            yield f"**Not met: {'; '.join(mine)}.** {said}"
    for name in left:
        yield f"**Not met: {name}.** No cause is known."
