"""Asks many prompts, some at the same time. The answers keep the order of the prompts.

After a kill, the next run goes on behind the last written answer. Input and output hold one JSON
value a line. A prompt is a string, `{"prompt": …}` or `{"messages": […]}`, with an optional `id`,
`model`, `max_tokens`, `temperature`, `stop` and the like. An answer has the prompt's `id`, and
either `answer`, `usage` and `cost_usd`, or `error`.
"""

import asyncio
import codecs
from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec

from core.errors import Interrupted, ModelError, Overloaded, Refused
from core.models.chunks import (
    AnsweredBy,
    Cited,
    Delta,
    Finished,
    ReasoningDelta,
    Source,
    SpentBefore,
    TextDelta,
    Usage,
    Withdrawn,
)
from core.models.endings import Ending, judge
from core.models.loose import text_of
from core.models.request import ChatMessage, ChatRequest, Model, Role
from core.secret import redact

MOST_CHARS = 4_000_000
"""Of one answer: more than any model can say. A longer stream is taken for one without an end."""
TRIES = 3
"""How often a prompt is asked if its answer breaks off."""


class Said(msgspec.Struct, frozen=True):
    """One message in OpenAI's format. *content* is text, or a list of parts."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[dict[str, Any]] | None = None
    images: tuple[str, ...] = ()

    @property
    def message(self) -> ChatMessage:
        role: Role = "system" if self.role == "developer" else self.role
        parts = self.content if isinstance(self.content, list) else []
        texts = [text_of(part.get("text")) for part in parts]
        pictures = [
            text_of(picture, ("url",)) for part in parts if (picture := part.get("image_url"))
        ]
        text = self.content if isinstance(self.content, str) else "\n\n".join(filter(None, texts))
        return ChatMessage(role, text, (*self.images, *filter(None, pictures)))


class Prompt(msgspec.Struct, frozen=True):
    """One line of the input. Its options go to the model unchanged."""

    prompt: str = ""
    messages: tuple[Said, ...] = ()
    id: str | int | None = None
    model: str = ""
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: str | list[str] | None = None
    response_format: dict[str, Any] | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    reasoning_effort: str | None = None

    def __post_init__(self) -> None:
        if not self.prompt and not self.messages:
            raise ValueError("it has neither prompt nor messages")

    @property
    def request(self) -> ChatRequest:
        said = tuple(one.message for one in self.messages)
        chosen = {name: getattr(self, name) for name in _OPTIONS}
        return ChatRequest(
            said or (ChatMessage("user", self.prompt),),
            self.model,
            self.max_tokens or self.max_completion_tokens or 0,
            options={name: value for name, value in chosen.items() if value is not None},
        )


_OPTIONS = (
    *("temperature", "top_p", "stop", "response_format", "seed"),
    *("presence_penalty", "frequency_penalty", "reasoning_effort"),
)


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the output. *cut* says why the answer is not whole: `length`, `filter`, …"""

    id: str | int | None = None
    answer: str = ""
    error: str = ""
    cut: str = ""
    usage: Usage | None = None
    cost_usd: float = 0.0
    model: str = ""
    sources: tuple[Source, ...] = ()


_prompts = msgspec.json.Decoder(Prompt | str)


def read_prompts(data: bytes) -> list[Prompt | Answer]:
    """The prompts in *data*. A prompt without an id gets its line number, from 1.

    A line that is no prompt becomes an answer with an error.
    """
    prompts: list[Prompt | Answer] = []
    # Editors on Windows put the mark before a text in UTF-8.
    for number, line in enumerate(data.removeprefix(codecs.BOM_UTF8).split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            read = _prompts.decode(line)
            prompt = Prompt(prompt=read) if isinstance(read, str) else read
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            prompts.append(Answer(number, error=f"line {number} is no prompt: {error}"))
            continue
        prompts.append(
            prompt if prompt.id is not None else msgspec.structs.replace(prompt, id=number)
        )
    return prompts


async def run_batch(
    model: Model,
    prompts: Sequence[Prompt | Answer],
    *,
    at_once: int,
    write: Callable[[Answer], None],
    price: Sequence[float] = (),
) -> None:
    """Ask *prompts*, *at_once* at a time, and *write* their answers in their order.

    An answer is written after all answers before it. So a new run that goes on behind the last one
    repeats only what was under way. *price* as in `Usage.cost_usd`, if the model has none itself.
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
    """The answer to *prompt*, or its error. *price* as in `run_batch`."""
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
            heard.fail(failed)
        told = heard.total
        usage = earlier + (told or Usage()) if told or earlier != Usage() else None
        # If no word came, the client itself has tried again already.
        passing = isinstance(error, Interrupted | Overloaded) and heard.text
        if passing and tries < TRIES:
            earlier += told or Usage()
            continue
        return heard.answer(prompt.id, redact(str(error)) if error else "", usage, price)


class Heard:
    """Collects the deltas of one answer."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._chars = 0
        self.thought = False
        self.usage: Usage | None = None
        self.spent = Usage()
        """What earlier tries of it cost."""
        self.price: Sequence[float] = ()
        self.ending: Ending = "stop"
        self.sources: tuple[Source, ...] = ()
        self.model = ""

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    def take(self, delta: Delta) -> None:
        """Raises `Refused` if the answer does not end."""
        match delta:
            case TextDelta(more):
                self._pieces.append(more)
                self._chars += len(more)
                if self._chars > MOST_CHARS:
                    raise Refused("the answer does not end", "endless")
            case ReasoningDelta():
                self.thought = True
            case Withdrawn():
                self._pieces, self._chars = [], 0
            case SpentBefore(spent):
                self.spent, self.usage = self.spent + spent, None
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

    @property
    def total(self) -> Usage | None:
        """What all of it cost. None if nobody told."""
        if self.usage is None and self.spent == Usage():
            return None
        return self.spent + (self.usage or Usage())

    def fail(self, error: ModelError) -> None:
        """Add the usage that the model reported before *error*: it must be paid."""
        if error.billed:
            self.usage = (self.usage or Usage()) | Usage.of(error)

    def answer(
        self, id_: str | int | None, error: str, usage: Usage | None, price: Sequence[float]
    ) -> Answer:
        """The answer as one line. *price* is used if the model has none of its own."""
        return Answer(
            id_,
            self.text,
            error=error,
            cut="" if self.ending == "stop" or error else self.ending,
            usage=usage,
            cost_usd=round(usage.cost_usd(self.price or price), 6) if usage else 0.0,
            model=self.model,
            sources=self.sources,
        )
