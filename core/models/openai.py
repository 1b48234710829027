"""OpenAI's shape of a chat: the request. `core.models.chunks` reads its stream."""

from core.models.providers import Endpoint
from core.models.request import ChatMessage, ChatRequest


def url(endpoint: Endpoint, request: ChatRequest) -> str:
    base_url = request.begun and endpoint.provider.continues_at
    return f"{base_url or endpoint.base_url}/chat/completions"


def body(endpoint: Endpoint, request: ChatRequest) -> dict[str, object]:
    messages = [_message(message) for message in request.messages]
    asked: dict[str, object] = {
        "model": request.model or endpoint.model,
        "messages": messages,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.max_tokens:
        asked[endpoint.provider.max_tokens] = request.max_tokens
    if request.begun:
        messages.append({"role": "assistant", "content": request.begun})
        match endpoint.provider.continues:
            case "prefix":
                messages[-1]["prefix"] = True
            case "final_message":
                asked |= {"continue_final_message": True, "add_generation_prompt": False}
            case _:
                pass
    return asked


def _message(message: ChatMessage) -> dict[str, object]:
    if not message.images:
        return {"role": message.role, "content": message.content}
    parts: list[dict[str, object]] = [{"type": "text", "text": message.content}]
    parts += [{"type": "image_url", "image_url": {"url": url}} for url in message.images]
    return {"role": message.role, "content": parts}
