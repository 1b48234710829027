"""What a frame and an answer cost: healing and converting, in milliseconds of one core.

    python -m bench.rendering

Compared in one run with `telegramify-markdown`, where it is installed.
"""

import random
import time
from functools import partial

from bench.formatting import Writer
from bots.telegram.markup import drawn, fill, render
from core.live.markdown import heal
from core.live.pages import cut
from core.watchdog import collect_seldom

FRAME_CHARS = 4096
ANSWER_TOKENS, FRAMES = 2_000, 24
"""An answer of 2,000 tokens at 60 a second, shown as often as a private chat allows."""


WORDS = "the quick **brown** fox jumps over a lazy dog while it rains in the *old* town"


def prose():
    chance, words = random.Random(1), WORDS.split(" ")
    sentences = (" ".join(chance.choices(words, k=12)) + ". " for _ in range(2000))
    return "\n\n".join("".join(next(sentences) for _ in range(4)) for _ in range(200))


def dense():
    return "\n\n".join(Writer(seed).text() for seed in range(200))


def milliseconds(work, times):
    results = []
    for _ in range(times):
        render.cache_clear()
        drawn.cache_clear()
        began = time.process_time()
        work()
        results.append((time.process_time() - began) * 1000)
    # Whatever else this machine does, only adds.
    return min(results)


def answer(convert, text):
    """All frames of one growing answer, as `core.live.reply` makes them."""
    text = text[: ANSWER_TOKENS * 4]
    start, opening = 0, ""
    for number in range(1, FRAMES + 1):
        end = len(text) * number // FRAMES
        while (page := cut(opening + text[start:end], 6_000, fill)) is not None:
            convert(page.head)
            start, opening = start + page.taken - len(opening), page.opening
        convert(heal(opening + text[start:end]))


def main():
    collect_seldom()  # As the program does.
    converters = {"Palaver": render}
    try:
        from telegramify_markdown import convert  # noqa: PLC0415 - a peer, perhaps not here

        converters["telegramify-markdown"] = convert
    except ImportError:
        print("(telegramify-markdown is not installed)\n")
    print("| | prose | dense marks |\n|---|---|---|")
    texts = prose(), dense()
    for name, convert in converters.items():
        row(f"{name}: a frame of {FRAME_CHARS} characters, ms", texts, partial(frame, convert), 200)
    for name, convert in converters.items():
        row(
            f"{name}: {ANSWER_TOKENS} tokens in {FRAMES} frames, ms",
            texts,
            partial(answer, convert),
            5,
        )


def frame(convert, text):
    convert(heal(text[:FRAME_CHARS]))


def row(name, texts, work, times):
    cells = (f"{milliseconds(partial(work, text), times):.2f}" for text in texts)
    print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
