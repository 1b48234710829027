"""OpenAI's shape of a chat: the request. `core.models.completions` reads its stream."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from core.models.parameters import OWN, THINKING
from core.models.providers import Endpoint, Provider, continues_with
from core.models.request import ChatMessage, ChatRequest, in_turns
from core.models.tool_calls import Round, sendable
from core.models.ways import Ways

_NINE = 9
_UNSIGNED = {"extra_content": {"google": {"thought_signature": "skip_thought_signature_validator"}}}
"""What stands for the signature of a call that Gemini did not make.
Source: ai.google.dev/gemini-api/docs/thought-signatures."""


def url(endpoint: Endpoint, request: ChatRequest) -> str:
    base_url = request.begun and endpoint.provider.continues_at
    return f"{base_url or endpoint.base_url}/chat/completions"


def body(endpoint: Endpoint, request: ChatRequest, ways: Ways) -> dict[str, object]:
    model = request.model or endpoint.model
    system, turns = in_turns(request)
    messages: list[dict[str, object]] = []
    if system and ways.system == "user":
        turns[0] = "user", [ChatMessage("user", system), *turns[0][1]]
    elif system:
        messages.append({"role": ways.system or "system", "content": system})
    messages += [{"role": role, "content": _content(said)} for role, said in turns]
    asked: dict[str, object] = {
        "model": model,
        "messages": messages,
        "stream": True,
        "stream_options": {"include_usage": True},
        **_options(endpoint.provider, request.options),
    }
    if request.max_tokens:
        asked[endpoint.provider.max_tokens] = request.max_tokens
    for one in request.rounds:
        messages += _round(one, endpoint.provider, ways)
    if request.tools and not request.closing:
        asked["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": one.name,
                    "description": one.description,
                    "parameters": one.schema,
                },
            }
            for one in request.tools
        ]
    if request.begun:
        messages.append({"role": "assistant", "content": request.begun})
        match continues_with(endpoint.provider, model):
            case "prefix":
                messages[-1]["prefix"] = True
            case "final_message":
                asked |= {"continue_final_message": True, "add_generation_prompt": False}
            case _:
                pass
    return asked


def _round(one: Round, provider: Provider, ways: Ways) -> list[dict[str, object]]:
    """The messages of a round: the model's own with its calls, and one for each output."""
    ids = [_nine(call.id) if provider.nine else call.id for call in one.calls]
    calls = [
        {
            "id": id_,
            "type": "function",
            "function": {"name": call.name, "arguments": sendable(call)},
            **(call.extra or (_UNSIGNED if provider.signs else {})),
        }
        for id_, call in zip(ids, one.calls, strict=True)
    ]
    # Mistral refuses text beside calls.
    text = one.text.strip() and not provider.nine and one.text
    said = {"role": "assistant", "content": text or None, **_thought(one, provider, ways)}
    messages: list[dict[str, object]] = [{**said, "tool_calls": calls}]
    for id_, output in zip(ids, one.outputs, strict=True):
        messages.append({"role": "tool", "tool_call_id": id_, "content": output.text})
    return messages


def _thought(one: Round, provider: Provider, ways: Ways) -> dict[str, object]:
    """The thinking of a round, if the provider wants it back."""
    known = one.thought[0] if one.thought else {}
    match ways.thoughts or provider.thoughts:
        case "as_it_was":
            return dict(known)
        case "empty":
            return {"reasoning_content": known.get("reasoning_content", "")}
        case "space":
            return {"reasoning_content": known.get("reasoning_content") or " "}
        case _:
            return {}


def _nine(id_: str) -> str:
    """*id_* as nine letters and digits, always the same ones."""
    if len(id_) == _NINE and id_.isascii() and id_.isalnum():
        return id_
    return hashlib.sha256(id_.encode()).hexdigest()[:_NINE]


def _options(provider: Provider, options: Mapping[str, Any]) -> dict[str, Any]:
    """*options*. The limit for thinking has another name at each provider, or does not exist."""
    named = {name: value for name, value in options.items() if name not in OWN}
    if tokens := options.get(THINKING):
        match provider.thinking:
            case "reasoning":
                named["reasoning"] = {"max_tokens": tokens}
            case "thinking_budget":
                named |= {"enable_thinking": True, "thinking_budget": tokens}
            case "thinking_config":
                thinking = {"thinking_budget": tokens}
                named["extra_body"] = {"google": {"thinking_config": thinking}}
            case _:
                pass
    return named


def _content(said: Sequence[ChatMessage]) -> str | list[dict[str, object]]:
    """Messages of one side in a row, as the content of one message."""
    text = "\n\n".join(message.content for message in said if message.content)
    images = [url for message in said for url in message.images]
    sounds = [url for message in said for url in message.sounds or ()]
    if not (images or sounds):
        return text
    parts: list[dict[str, object]] = [{"type": "text", "text": text}] if text else []
    parts += [{"type": "image_url", "image_url": {"url": url}} for url in images]
    return parts + [{"type": "input_audio", "input_audio": _sound(url)} for url in sounds]


def _sound(url: str) -> dict[str, str]:
    """The sound of a `data:` URL, in the form that OpenAI's chat takes."""
    head, _, data = url.partition(";base64,")
    kind = head.rpartition("/")[2].split(";")[0]
    return {"data": data, "format": {"mpeg": "mp3", "x-wav": "wav", "wave": "wav"}.get(kind, kind)}
