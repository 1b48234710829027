"""Many prompts at once: under a limit, in order, and to be gone on with after a kill.

One JSON object a line. A prompt is a string, `{"prompt": …}` or `{"messages": […]}`, with an
optional `id`, `model` and `max_tokens`; an answer is its `id` with `answer`, `usage` and
`cost_usd`, or with `error`.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from core.errors import Interrupted, ModelError, Overloaded
from core.models.chunks import (
    AnsweredBy,
    Cited,
    Delta,
    Finished,
    ReasoningDelta,
    Source,
    TextDelta,
    Usage,
    Withdrawn,
)
from core.models.endings import Ending, judge
from core.models.request import ChatMessage, ChatRequest, Model
from core.secret import redact

TRIES = 3
"""How often a prompt is asked whose answer breaks off."""


class Prompt(msgspec.Struct, frozen=True):
    """One line of the input."""

    prompt: str = ""
    messages: tuple[ChatMessage, ...] = ()
    id: str | int | None = None
    model: str = ""
    max_tokens: int = 0

    def __post_init__(self) -> None:
        if not self.prompt and not self.messages:
            raise ValueError("it has neither prompt nor messages")

    @property
    def request(self) -> ChatRequest:
        messages = self.messages or (ChatMessage("user", self.prompt),)
        return ChatRequest(messages, self.model, self.max_tokens)


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the output. *cut* says why the answer is not whole: `length`, `filter`, …"""

    id: str | int | None = None
    answer: str = ""
    error: str = ""
    cut: str = ""
    usage: Usage | None = None
    cost_usd: float = 0.0
    sources: tuple[Source, ...] = ()


_prompts = msgspec.json.Decoder(Prompt | str)
_answer = msgspec.json.Decoder(Answer)


def read_prompts(data: bytes) -> list[Prompt | Answer]:
    """The prompts in *data*, numbered from 1 where they have no id.

    A line that is no prompt has its answer already: the error that says so.
    """
    prompts: list[Prompt | Answer] = []
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            read = _prompts.decode(line)
            prompt = Prompt(prompt=read) if isinstance(read, str) else read
        except (msgspec.MsgspecError, ValueError) as error:
            prompts.append(Answer(number, error=f"line {number} is no prompt: {error}"))
            continue
        prompts.append(
            prompt if prompt.id is not None else msgspec.structs.replace(prompt, id=number)
        )
    return prompts


def answered(path: Path) -> int:
    """How many answers stand in *path*; half a line at its end, of a process that died, is cut."""
    if not path.exists():
        return 0
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        path.write_bytes(whole)
    return whole.count(b"\n")


def failed(path: Path) -> list[int]:
    """Which lines of *path*, from 0, hold no answer but an error, or cannot be read."""
    return [number for number, line in enumerate(_lines(path)) if not _answers(line)]


def put_in_place(path: Path, answers: Mapping[int, Answer]) -> None:
    """Replace the lines of *path* that *answers* names, at once or not at all."""
    lines = _lines(path)
    for number, answer in answers.items():
        lines[number] = msgspec.json.encode(answer)
    beside = path.with_name(f"{path.name}.new")
    beside.write_bytes(b"".join(line + b"\n" for line in lines))
    beside.replace(path)


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().split(b"\n")[:-1]


def _answers(line: bytes) -> bool:
    try:
        return not _answer.decode(line).error
    except msgspec.MsgspecError:
        return False


async def run_batch(
    model: Model,
    prompts: Sequence[Prompt | Answer],
    *,
    at_once: int,
    write: Callable[[Answer], None],
    price: Sequence[float] = (),
) -> None:
    """Ask *prompts*, *at_once* at a time, and *write* their answers in their order.

    An answer is written when all before it are: who begins again behind the last one loses
    only what was under way. *price* as in `Usage.cost_usd`, where the model does not say it itself.
    """
    slots = asyncio.Semaphore(at_once)
    begun: asyncio.Queue[asyncio.Task[Answer]] = asyncio.Queue()

    async def one(prompt: Prompt | Answer) -> Answer:
        try:
            return prompt if isinstance(prompt, Answer) else await ask(model, prompt, price)
        finally:
            slots.release()

    async def write_all() -> None:
        for _ in prompts:
            write(await (await begun.get()))

    async with asyncio.TaskGroup() as group:
        group.create_task(write_all())
        for prompt in prompts:
            await slots.acquire()
            begun.put_nowait(group.create_task(one(prompt)))


async def ask(model: Model, prompt: Prompt, price: Sequence[float] = ()) -> Answer:
    """The answer to *prompt*; its error where there is none. *price* as in `run_batch`."""
    earlier, tries = Usage(), 0
    while True:
        tries += 1
        heard = Heard()
        try:
            async with model.stream(prompt.request) as deltas:
                async for delta in deltas:
                    heard.take(delta)
            judge(heard.text, heard.ending, thought=heard.thought)
            error = None
        except ModelError as failed:
            error = failed
        price = heard.price or price
        usage = earlier + (heard.usage or Usage()) if heard.usage or tries > 1 else None
        # Before the first word the client has tried again already.
        passing = isinstance(error, Interrupted | Overloaded) and heard.text
        if passing and tries < TRIES:
            earlier += heard.usage or Usage()
            continue
        return Answer(
            prompt.id,
            heard.text,
            error=redact(str(error)) if error else "",
            cut="" if heard.ending == "stop" or error else heard.ending,
            usage=usage,
            cost_usd=round(usage.cost_usd(price), 6) if usage else 0.0,
            sources=heard.sources,
        )


class Heard:
    """What a model says, from delta to delta."""

    def __init__(self) -> None:
        self.text = ""
        self.thought = False
        self.usage: Usage | None = None
        self.price: Sequence[float] = ()
        self.ending: Ending = "stop"
        self.sources: tuple[Source, ...] = ()
        self.model = ""

    def take(self, delta: Delta) -> None:
        match delta:
            case TextDelta(more):
                self.text += more
            case ReasoningDelta():
                self.thought = True
            case Withdrawn():
                self.text = ""
            case Usage():
                self.usage = delta
            case AnsweredBy(name, price):
                self.model, self.price = name, price
            case Cited(sources):
                self.sources = tuple(one for one in sources if one.url)
            case Finished(ending):
                self.ending = ending
            case _:
                pass
