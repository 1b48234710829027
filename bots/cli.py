"""The `palaver` command: run, check, ask, batch, inbox."""

import asyncio
import fcntl
import getpass
import secrets
import signal
import socket
import sys
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
import uvloop
from pydantic import ValidationError

from bots.check import explain, try_all
from bots.registry import build
from bots.terminal import TerminalPlatform
from core import __version__
from core.budget import LocalBudget
from core.clients import open_models
from core.errors import ConfigError
from core.messages import Incoming, Sender, conversation_id
from core.models.batch import Answer, answered, read_prompts, run_batch
from core.models.chunks import Usage
from core.platform import Platform
from core.service import Core, collect_seldom, open_core, serve
from core.settings import Settings
from core.telemetry import logger, redact, set_up_logs

app = typer.Typer(
    help="An LLM assistant for Telegram, Slack and a local web page.",
    # `--version` alone is a complete call.
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
log = logger(__name__)
_T = TypeVar("_T")


def main() -> None:
    """Run the command; what the operator got wrong is one line and an exit code, no traceback."""
    try:
        app()
    except ConfigError as error:
        print(f"palaver: {redact(str(error))}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


@app.callback()
def options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    if version:
        print(f"palaver {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def run() -> None:
    """Serve every platform that is set up; without any, the chat page."""
    settings = _settings()
    set_up_logs(settings.log_level, settings.log_json)
    _run(_serve(settings))


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="What to ask; `/image …` paints.")],
    new: Annotated[bool, typer.Option("--new", help="Forget what was asked before.")] = False,
) -> None:
    """Ask one question from the terminal; the answer streams to standard output."""
    settings = _settings().model_copy(update={"http_port": 0, "http_host": "127.0.0.1"})
    set_up_logs("ERROR", settings.log_json)
    _run(_ask(settings, question, new=new))


@app.command()
def check() -> None:
    """Explain each setting, try each credential, and say what to fix."""
    settings = _settings()
    set_up_logs("ERROR", settings.log_json)
    explain(settings)
    if not _run(try_all(settings)):
        raise typer.Exit(1)


@app.command()
def inbox(
    requeue: Annotated[bool, typer.Option("--requeue", help="Ask them all again.")] = False,
) -> None:
    """List the questions that were set aside after failing again and again."""
    settings = _settings()
    set_up_logs("ERROR", settings.log_json)
    _run(_inbox(settings, requeue=requeue))


@app.command()
def batch(
    prompts: Annotated[Path, typer.Argument(help="One JSON object or string a line.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Where the answers are appended.")],
    at_once: Annotated[int, typer.Option(min=1, help="How many are asked at once.")] = 8,
) -> None:
    """Ask many prompts at once; run it again to go on where it was interrupted."""
    settings = _settings()
    set_up_logs("ERROR", settings.log_json)
    if not _run(_batch(settings, prompts, out, at_once)):
        raise typer.Exit(1)


def _settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        # The value may be a secret: only the name and the reason are shown.
        raise ConfigError(str(first["loc"][0]).upper(), str(first["msg"])) from None


def _run(coroutine: Coroutine[Any, Any, _T]) -> _T:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(coroutine)


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    began = time.monotonic()
    async with open_core(settings) as core:
        collect_seldom()

        def ready(url: str, platforms: Sequence[Platform]) -> None:
            _greet(core, url, platforms, time.monotonic() - began)

        await serve(core, build, stop, ready)
    log.info("stopped")


def _greet(core: Core, url: str, platforms: Sequence[Platform], took_s: float) -> None:
    settings = core.settings
    models = {
        "demo": "the built-in demo (set LLM_BASE_URL and LLM_API_KEY for a real model)",
        "ollama": f"{core.models.chat.model} of the Ollama on this machine",
        "file": f"{core.models.chat.model}, and others of {settings.palaver_config}",
        "configured": f"{core.models.chat.model} at {settings.llm_base_url}",
    }
    print(f"\n  Palaver {__version__} is ready ({took_s:.1f} s)\n", file=sys.stderr)
    for platform in platforms:
        where = f"open {url}" if platform.name == "web" else platform.identity
        print(f"  {platform.name:<10} {where}", file=sys.stderr)
    print(f"  {'model':<10} {models[core.models.kind]}", file=sys.stderr)
    store = "REDIS_URL" if settings.redis_url else f"embedded, in {settings.data_dir}"
    print(f"  {'store':<10} {store}\n", file=sys.stderr)
    open_to_all = [platform.name for platform in platforms if not platform.local]
    if open_to_all and core.context.access.open_to_everyone:
        print(
            f"  WARNING: {' and '.join(open_to_all)}: EVERYONE who finds the bot can use it, at "
            "your cost.\n  Set ALLOWED_USERS or ALLOWED_CHATS to choose who may.\n",
            file=sys.stderr,
        )
    sys.stderr.flush()


async def _ask(settings: Settings, question: str, *, new: bool) -> None:
    name = f"cli-{getpass.getuser()}@{socket.gethostname()}".replace(":", "-")
    conversation = conversation_id(name, "terminal")

    def said(text: str) -> Incoming:
        command, _, rest = text[1:].partition(" ") if text.startswith("/") else ("", "", text)
        event_id = f"{name}:{secrets.token_hex(12)}"
        return Incoming(
            event_id=event_id,
            conversation=conversation,
            sender=Sender(f"{name}:{getpass.getuser()}", getpass.getuser()),
            text=rest,
            command=command,
            reply_to=event_id,
            sent_at=time.time(),
        )

    done = asyncio.Event()
    questions = [said("/new"), said(question)] if new else [said(question)]
    platform = TerminalPlatform(name, questions, done)
    with _one_at_a_time(settings.data_dir):
        async with open_core(settings) as core:
            await serve(core, lambda _: [platform], done, lambda _url, _platforms: None)


async def _batch(settings: Settings, prompts: Path, out: Path, at_once: int) -> bool:
    """Whether every prompt was answered."""
    asked = read_prompts(prompts)
    done = answered(out)
    if done > len(asked):
        raise ConfigError(str(out), f"holds {done} answers, and {prompts} has {len(asked)} prompts")
    began, failed, spent, cost = time.monotonic(), 0, Usage(), 0.0
    with typer.progressbar(length=len(asked), label="asked", file=sys.stderr) as bar:
        bar.update(done)

        def told(answer: Answer) -> None:
            nonlocal failed, spent, cost
            failed += bool(answer.error)
            cost += answer.cost_usd
            if answer.usage is not None:
                spent += answer.usage
            bar.update(1)

        async with open_models(settings, LocalBudget()) as models:
            await run_batch(
                models.chat,
                asked[done:],
                out,
                at_once=at_once,
                told=told,
                price=settings.llm_price,
            )
    print(
        f"{len(asked) - done} asked in {time.monotonic() - began:.1f} s, {failed} failed; "
        f"{spent.prompt_tokens} tokens read ({spent.cached_tokens} of them cached), "
        f"{spent.completion_tokens} written{f', ${cost:.4f}' if cost else ''}",
        file=sys.stderr,
    )
    return not failed


async def _inbox(settings: Settings, *, requeue: bool) -> None:
    async with open_core(settings) as core:
        letters = await core.inbox.dead_letters()
        for letter in letters:
            incoming = letter.incoming
            when = time.strftime("%Y-%m-%d %H:%M", time.localtime(incoming.sent_at))
            # Not the text: what people asked is theirs.
            print(f"{when}  {incoming.conversation}  {incoming.event_id}  {letter.reason}")
        if requeue:
            print(f"{await core.inbox.requeue()} put back")
        elif not letters:
            print("nothing is set aside")


@contextmanager
def _one_at_a_time(data_dir: Path) -> Iterator[None]:
    """Questions of one terminal wait for each other: they share one conversation."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = (data_dir / "ask.lock").open("w")
    except OSError as error:
        raise ConfigError("DATA_DIR", f"cannot be used: {error}") from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
