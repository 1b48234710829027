"""Record when a model writes how much: a trace for `python -m bench.freshness`.

    python -m bench.freshness.record NAME "a question"

Asks the model of the settings (LLM_BASE_URL and so on; the demo model without any), and keeps
when how many characters had come, and none of them, in bench/freshness/recorded/NAME.json.
"""

import argparse
import asyncio
import json
import time

from bench.freshness.traces import RECORDED
from core.buckets import LocalBudget
from core.clients import open_models
from core.models.chunks import TextDelta
from core.models.request import ChatMessage, ChatRequest
from core.settings import Settings


async def record(question):
    """(seconds since the question, characters by then) of each delta with text."""
    request, points, chars = ChatRequest((ChatMessage("user", question),)), [], 0
    async with open_models(Settings(), LocalBudget()) as models:
        began = time.monotonic()
        async with models.chat.stream(request) as deltas:
            async for delta in deltas:
                if isinstance(delta, TextDelta):
                    chars += len(delta.text)
                    points.append((round(time.monotonic() - began, 4), chars))
    return points


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("question")
    options = parser.parse_args()
    points = asyncio.run(record(options.question))
    RECORDED.mkdir(exist_ok=True)
    (RECORDED / f"{options.name}.json").write_text(json.dumps(points) + "\n")
    print(f"{len(points)} deltas, {points[-1][1]} characters in {points[-1][0]:.1f} s")


if __name__ == "__main__":
    main()
