"""`palaver batch`: reads prompts from a file or a pipe, and writes the answers to another."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec
import typer

from core.buckets import LocalBudget
from core.clients import open_models
from core.errors import ConfigError
from core.models.answers_file import answered, failed, put_in_place
from core.models.batch import Answer, Prompt, read_prompts, run_batch
from core.models.chunks import Usage
from core.settings import Settings


async def ask_many(
    settings: Settings, source: str, out: str, *, at_once: int, retry_failed: bool
) -> int:
    """Ask the prompts in *source*, write the answers to *out*, and return the exit code.

    `-` means standard input for *source*, and standard output for *out*.
    """
    asked = read_prompts(_read(source))
    tally = _Tally()
    if retry_failed:
        path = _file(out, "--retry-failed")
        again = [number for number in failed(path) if number < len(asked)]
        retried: dict[int, Answer] = {}

        def keep(answer: Answer) -> None:
            retried[again[len(retried)]] = answer

        try:
            await _ask(settings, [asked[number] for number in again], at_once, keep, tally)
        finally:
            # The answers that came before the interruption are kept.
            put_in_place(path, retried)
    else:
        done = 0 if out == "-" else answered(Path(out))
        if done > len(asked):
            raise ConfigError(out, f"holds {done} answers, and {source} has {len(asked)} prompts")
        with _open(out) as file:

            def write(answer: Answer) -> None:
                file.write(msgspec.json.encode(answer) + b"\n")
                file.flush()

            await _ask(settings, asked[done:], at_once, write, tally)
    print(tally.words, file=sys.stderr)
    left = max(tally.failed, len(failed(Path(out))))
    if left > tally.failed:
        print(f"{left} answers in {out} are errors: --retry-failed asks again", file=sys.stderr)
    return 1 if left else 0


async def _ask(
    settings: Settings,
    prompts: list[Prompt | Answer],
    at_once: int,
    write: Callable[[Answer], None],
    tally: "_Tally",
) -> None:
    unwritten: BaseException | None = None
    with typer.progressbar(length=len(prompts), label="asked", file=sys.stderr) as bar:

        def written(answer: Answer) -> None:
            write(answer)
            tally.add(answer)
            bar.update(1)

        async with open_models(settings, LocalBudget()) as models:
            try:
                await run_batch(
                    models.chat, prompts, at_once=at_once, write=written, price=settings.llm_price
                )
            except* OSError as group:
                unwritten = next(_leaves(group))
    if unwritten is not None:
        raise unwritten


def _leaves(group: BaseExceptionGroup[OSError]) -> Iterator[OSError]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


class _Tally:
    """How much was asked in this run, and what it cost."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.asked = self.failed = 0
        self.usage = Usage()
        self.cost_usd = 0.0

    def add(self, answer: Answer) -> None:
        self.asked += 1
        self.failed += bool(answer.error)
        self.cost_usd += answer.cost_usd
        if answer.usage is not None:
            self.usage += answer.usage

    @property
    def words(self) -> str:
        cost = f", ${self.cost_usd:.4f}" if self.cost_usd else ""
        return (
            f"{self.asked} asked in {time.monotonic() - self.began:.1f} s, {self.failed} failed; "
            f"{self.usage.prompt_tokens} tokens read ({self.usage.cached_tokens} of them cached), "
            f"{self.usage.completion_tokens} written{cost}"
        )


def _read(source: str) -> bytes:
    if source == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise ConfigError(source, f"cannot be read: {error.strerror}") from error


@contextmanager
def _open(out: str) -> Iterator[BinaryIO]:
    if out == "-":
        yield sys.stdout.buffer
        return
    with ExitStack() as stack:
        try:
            file = stack.enter_context(Path(out).open("ab"))
        except OSError as error:
            raise ConfigError(out, f"cannot be written: {error.strerror}") from error
        yield file


def _file(out: str, option: str) -> Path:
    path = Path(out)
    if out == "-" or not path.is_file():
        raise ConfigError(option, "needs --out to be a file with answers")
    return path
