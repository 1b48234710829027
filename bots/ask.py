"""`palaver ask`: one question from the command line, through the same turn as in a chat.

The answer goes to standard output while it is written. Ctrl-C takes the question back, and so does
a reader that closes the pipe. Errors go to standard error, and the exit code tells of them.
"""

import asyncio
import dataclasses
import fcntl
import getpass
import os
import secrets
import signal
import socket
import stat
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path

import msgspec

from bots.terminal import TerminalPlatform, taken_back
from core.border import clean, printable
from core.errors import ConfigError
from core.lending import Lent
from core.messages import Incoming, Sender, conversation_id
from core.models.chunks import Delta
from core.models.request import Around, ChatRequest, Model
from core.platform import Platform
from core.service import BuildPlatforms, Core, open_core, serve
from core.settings import Settings
from core.store.lanes import lane_of

INPUT_BYTES = 1_000_000
"""More than any model reads. Without a bound, an endless log would fill the memory."""


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What `--json` prints. *error* says why the answer is not whole."""

    answer: str = ""
    error: str = ""
    files: tuple[str, ...] = ()
    model: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float = 0.0


def read_question(question: str, takes_input: bool) -> str:
    """The *question*, followed by the piped input. `-` means the piped input alone.

    Raises:
        ConfigError: there is no question, or the piped input is too long.
    """
    piped = _piped() if takes_input or question == "-" else ""
    parts = [part for part in ("" if question == "-" else question, piped) if part.strip()]
    if not parts:
        raise ConfigError("QUESTION", "there is nothing in it")
    # The arguments may hold bytes that are not text.
    return clean("\n\n".join(parts))


def has_input() -> bool:
    """Whether something is piped in. A terminal is not read."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError, AttributeError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode)


def _piped() -> str:
    data = sys.stdin.buffer.read(INPUT_BYTES + 1)
    if len(data) > INPUT_BYTES:
        raise ConfigError("QUESTION", f"more than {INPUT_BYTES:,} bytes are piped in")
    return data.decode(errors="replace")


async def ask(
    settings: Settings, question: str, *, new: bool, model: str, system: str, as_json: bool
) -> int:
    """Ask *question*, print the answer, and return the exit code."""
    if system:
        settings = settings.model_copy(update={"system_prompt": system})
    name = f"cli-{getpass.getuser()}@{socket.gethostname()}".replace(":", "-")
    questions = [_said(name, "/new"), _said(name, question)] if new else [_said(name, question)]
    done = asyncio.Event()
    with _one_at_a_time(settings.data_dir):
        async with open_core(settings) as core:
            # Of a process that was killed: nobody waits for that answer any more.
            left = await core.inbox.places.waiting(lane_of(questions[-1]))
            questions = [*map(taken_back, left), *questions]
            platform = TerminalPlatform(name, questions, done, quiet=as_json)
            interrupted = _take_back_at_interrupt(platform)
            asked = _with_model(core, model)
            await serve(asked, _only(platform), done, lambda _url, _on: None)
            outcome = _outcome(asked, platform)
    if interrupted.is_set():
        return 130
    if platform.unwritten is not None:
        raise platform.unwritten
    if as_json:
        print(msgspec.json.encode(outcome).decode())
    else:
        rest, _, _ = platform.unprinted.rpartition("\n\n")
        platform.write((rest if outcome.error else platform.unprinted) + "\n")
        if outcome.error:
            print(printable(outcome.error), file=sys.stderr)
    return 1 if outcome.error else 0


def _only(platform: Platform) -> BuildPlatforms:
    async def build(_: Lent) -> Sequence[Platform]:
        return [platform]

    return build


def _said(name: str, text: str) -> Incoming:
    command, _, rest = text[1:].partition(" ") if text.startswith("/") else ("", "", text)
    event_id = f"{name}:{secrets.token_hex(12)}"
    return Incoming(
        event_id=event_id,
        conversation=conversation_id(name, "terminal"),
        sender=Sender(f"{name}:{getpass.getuser()}", getpass.getuser()),
        text=rest,
        command=command,
        message=event_id,
        reply_to=event_id,
        sent_at=time.time(),
    )


def _take_back_at_interrupt(platform: TerminalPlatform) -> asyncio.Event:
    """An event that Ctrl-C, a closed terminal or SIGTERM sets; the question is then taken back."""
    interrupted = asyncio.Event()

    def take_back() -> None:
        interrupted.set()
        platform.take_back()

    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        # `nohup` ignores the end of the terminal, and so do we then.
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            asyncio.get_running_loop().add_signal_handler(number, take_back)
    return interrupted


def _outcome(core: Core, platform: TerminalPlatform) -> Outcome:
    """The result. This process asked nothing else, so its metrics are those of this turn."""
    registry = core.services.metrics.registry
    sums: dict[str, float] = {}
    for metric in registry.collect():
        for sample in metric.samples:
            key = sample.labels.get("outcome") or sample.labels.get("direction") or ""
            sums[f"{sample.name} {key}"] = sums.get(f"{sample.name} {key}", 0) + sample.value
    whole = not (sums.get("palaver_turns_total failed") or sums.get("palaver_turns_total rejected"))
    text = platform.last_text
    answer, _, ending = (text, "", "") if whole else text.rpartition("\n\n")
    return Outcome(
        answer=answer,
        error=ending,
        files=tuple(platform.files),
        model=core.services.model.model,
        prompt_tokens=int(sums.get("palaver_tokens_total prompt", 0)),
        completion_tokens=int(sums.get("palaver_tokens_total completion", 0)),
        cost_usd=round(sums.get("palaver_cost_usd_total ", 0), 6),
    )


class _Named(Around):
    """Asks the model of one name, whatever the conversation chose earlier."""

    def __init__(self, model: Model, name: str) -> None:
        super().__init__(model)
        self._name = name

    @property
    def model(self) -> str:
        return self._name

    def stream(self, request: ChatRequest) -> AbstractAsyncContextManager[AsyncIterator[Delta]]:
        return self._model.stream(msgspec.structs.replace(request, model=self._name))


def _with_model(core: Core, name: str) -> Core:
    if not name:
        return core
    services = dataclasses.replace(core.services, model=_Named(core.services.model, name))
    return dataclasses.replace(core, services=services)


@contextmanager
def _one_at_a_time(data_dir: Path) -> Iterator[None]:
    """Let only one question of this terminal run at a time: all share one conversation."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = os.fdopen(os.open(data_dir / "ask.lock", os.O_RDWR | os.O_CREAT, 0o600), "w")
    except OSError as error:
        raise ConfigError("DATA_DIR", f"cannot be used: {error}") from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
