"""The `palaver` command: run, check, link, ask, batch, inbox, backup, restore."""

import asyncio
import os
import sys
import time
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import urljoin

import typer
import uvloop
from pydantic import ValidationError

from bots.ask import ask as ask_once
from bots.ask import has_input, read_question
from bots.backup import back_up, put_back
from bots.batch import ask_many
from bots.check import explain, try_all
from bots.migrate import migrate as bring_up
from bots.registry import read_settings, web_page
from bots.running import run_until_told
from bots.spelling import doubts, unknown
from bots.terminal import TAKE_BACK_S
from core import __version__
from core.border import printable
from core.errors import ConfigError
from core.secret import keep_secret, redact
from core.service import open_core
from core.settings import Settings
from core.store.dead_letters import DeadLetters
from core.store.living import living
from core.store.tenants import Tenants
from core.telemetry import logger, set_up_logs
from core.traces import structure

app = typer.Typer(
    help="An LLM assistant for Telegram, Slack and a local web page.",
    # `--version` alone is a complete call.
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
log = logger(__name__)
UNREAD = 141
"""The exit code that a shell gives a program which a closed pipe ended."""
_T = TypeVar("_T")


def main() -> None:
    """Run the command. An operator's mistake ends in one line and an exit code, no traceback."""
    _open_what_is_closed()
    try:
        app()
    except ConfigError as error:
        print(f"palaver: {printable(redact(str(error)))}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        print(f"palaver: {error.strerror or type(error).__name__}", file=sys.stderr)
        _say_no_more()
        sys.exit(1)
    except Exception as error:
        # A bug. Show where it is, but no values: they may be secret.
        print(f"palaver: {redact(structure(error))}", file=sys.stderr)
        sys.exit(1)


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
    keep_secret(*settings.secrets())
    for doubt in doubts(settings):
        log.warning("settings", doubt=doubt)
    if names := unknown(settings):
        log.info("names in .env that are no settings", names=", ".join(names))
    _run(run_until_told(settings))


@app.command()
def link(
    new: Annotated[bool, typer.Option("--new", help="Make another; the old one is void.")] = False,
) -> None:
    """Show the link that lets a browser into the chat page, where others can reach it."""
    settings = _settings()
    set_up_logs("ERROR", settings.log_json)
    _run(_link(settings, new=new))


@app.command()
def ask(
    question: Annotated[
        str, typer.Argument(help="What to ask; `/image …` paints; `-`: what is piped in.")
    ] = "",
    new: Annotated[bool, typer.Option("--new", help="Forget what was asked before.")] = False,
    model: Annotated[str, typer.Option("--model", "-m", help="Which model to ask.")] = "",
    system: Annotated[str, typer.Option("--system", "-s", help="What it is told first.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Ask one question; the answer streams to standard output. Piped input is added to it."""
    settings = _settings().model_copy(
        update={"http_port": 0, "http_host": "127.0.0.1", "grace_s": TAKE_BACK_S}
    )
    set_up_logs("CRITICAL", settings.log_json)
    text = read_question(question, has_input())
    code = _run(ask_once(settings, text, new=new, model=model, system=system, as_json=as_json))
    _leave(code)


@app.command()
def check(
    every: Annotated[bool, typer.Option("--all", help="List what is not set, too.")] = False,
) -> None:
    """Explain each setting, try each credential, and say what to fix. Writes nothing outside."""
    settings = _settings()
    set_up_logs("CRITICAL", settings.log_json)
    explain(settings, everything=every)
    if not _run(try_all(settings)):
        raise typer.Exit(1)


@app.command()
def inbox(
    requeue: Annotated[bool, typer.Option("--requeue", help="Ask them all again.")] = False,
) -> None:
    """List the questions that were set aside after failing again and again."""
    settings = _settings()
    set_up_logs("ERROR", settings.log_json)
    if not _run(_inbox(settings, requeue=requeue)):
        raise typer.Exit(1)


@app.command()
def batch(
    prompts: Annotated[
        str, typer.Argument(help="One JSON object or string a line; `-`: piped in.")
    ],
    out: Annotated[
        str, typer.Option("--out", "-o", help="Where the answers are appended; `-`: printed.")
    ],
    at_once: Annotated[int, typer.Option(min=1, help="How many are asked at once.")] = 8,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Ask those again that have an error.")
    ] = False,
) -> None:
    """Ask many prompts at once; run it again to go on where it was interrupted."""
    settings = _settings()
    set_up_logs("ERROR", settings.log_json)
    _leave(_run(ask_many(settings, prompts, out, at_once=at_once, retry_failed=retry_failed)))


@app.command()
def backup(
    out: Annotated[str, typer.Argument(help="The file to write, a new one; `-`: standard output.")],
) -> None:
    """Write all that is kept to one file, while the service runs or not."""
    settings = _settings()
    set_up_logs("ERROR", settings.log_json)
    _leave(_run(back_up(settings, out)))


@app.command()
def restore(
    source: Annotated[str, typer.Argument(help="What `backup` wrote; `-`: piped in.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Also into a store that is not empty.")
    ] = False,
) -> None:
    """Put a backup into the store. Stop every process before."""
    settings = _settings()
    set_up_logs("ERROR", settings.log_json)
    _leave(_run(put_back(settings, source, replace=replace)))


@app.command()
def migrate() -> None:
    """Bring what earlier versions kept up to this one, while the service runs or not."""
    settings = _settings()
    set_up_logs("ERROR", settings.log_json)
    _leave(_run(bring_up(settings)))


def _settings() -> Settings:
    try:
        return read_settings()
    except ValidationError as error:
        first = error.errors()[0]
        # Show only the name and the reason: the value may be a secret.
        reason = str(first["msg"]).removeprefix("Value error, ")
        raise ConfigError(str(first["loc"][0]).upper(), reason) from None
    except UnicodeDecodeError:
        raise ConfigError(".env", "is no UTF-8") from None


def _open_what_is_closed() -> None:
    """Open closed standard streams on the null device, so that no other file takes their number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115 - to the end


def _say_no_more() -> None:
    """Keep Python from trying to write the rest of the output when it ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _leave(code: int) -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _say_no_more()
        raise typer.Exit(UNREAD) from None
    raise typer.Exit(code)


def _run(coroutine: Coroutine[Any, Any, _T]) -> _T:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            return runner.run(coroutine)
        except BrokenPipeError:
            # Typer would return 1.
            _say_no_more()
            raise typer.Exit(UNREAD) from None


async def _link(settings: Settings, *, new: bool) -> None:
    async with open_core(settings) as core:
        if new:
            await core.lent.secret.replace()
        page = web_page(core.lent)
        if page is None:
            raise ConfigError("WEB_CHAT", "the chat page is off")
        async with page:
            print(urljoin(f"http://127.0.0.1:{settings.http_port}", page.identity))


async def _inbox(settings: Settings, *, requeue: bool) -> bool:
    """Whether all could be looked at."""
    async with open_core(settings) as core:
        dead_letters = DeadLetters(core.redis, core.inbox)
        known = sorted((await Tenants(core.redis).known()).values())
        away = (await living(core.redis, known)).away
        letters = await dead_letters.all()
        for letter in letters:
            # The text is not shown: it belongs to the people who asked.
            incoming = letter.incoming
            if incoming is None:
                print(printable(f"{len(letter.mail)} characters of something  {letter.reason}"))
                continue
            when = time.strftime("%Y-%m-%d %H:%M", time.localtime(incoming.sent_at))
            line = f"{when}  {incoming.conversation}  {incoming.event_id}  {letter.reason}"
            print(printable(line))
        if requeue:
            print(f"{await dead_letters.requeue()} put back")
        elif not letters:
            print("nothing is set aside")
    if away:
        names = printable(", ".join(away))
        print(f"palaver: missing, as their part of the store is away: {names}", file=sys.stderr)
    return not away
