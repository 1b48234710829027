"""Reads from a refusal how a model must be asked about tools. Pure.

Sources: Ollama, vLLM, llama.cpp, OpenRouter, DeepSeek, Moonshot, Gemini, Groq and Anthropic, their
error pages and issues; autumn 2026.
"""

import re
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from core.models.request import ChatRequest
from core.models.ways import Ways

_NO_TOOLS = re.compile(
    r"(?:not|n't|cannot) (?:support|use|accept|allow|handle|call)(?:ed)?.{0,40}"
    r"(?:\btools?\b|tool[- _](?:use|call)|function[- _]?call)|"
    r"(?:\btools?\b|tool[- _](?:use|call)|function[- _]?call).{0,40}"
    r"(?:not (?:be )?(?:support|enabled|available|allowed|permitted|implement)|"
    r"n't support|unsupported)|"
    r"no endpoints found that support tool|--enable-auto-tool-choice|--jinja|"
    r"extra inputs are not permitted.{0,80}\btools\b"
)
_TOOLS = re.compile(r"\btools?\b|tool_|\bfunctions?\b|function_|json.?schema|\bschema\b")
_WANTS_THOUGHT = re.compile(
    r"reasoning_content.{0,80}(?:must|missing|required|pass(?:ed)? back)|"
    r"(?:missing|requires?|must).{0,40}reasoning_content"
)
_SEARCH = re.compile(r"web.?search")
_NO_THOUGHT = re.compile(
    r"thought.?signature|invalid.{0,20}signature|signature.{0,40}(?:invalid|not valid|verif)|"
    r"encrypted.?content|expected.{0,20}thinking|reasoning_content|reasoning_details|"
    r"item .{0,40}of type .?reasoning"
)


def taught_of_tools(
    words: str, request: ChatRequest, body: Mapping[str, Any], ways: Ways
) -> tuple[Ways, bool] | None:
    """New ways, and whether they are sure, from the *words* that refused a request with tools."""
    if request.rounds and ways.thoughts != "no":
        if not ways.thoughts and _WANTS_THOUGHT.search(words):
            return replace(ways, thoughts="space"), True
        if _NO_THOUGHT.search(words):
            return replace(ways, thoughts="no"), False
    if request.searches and ways.searches is not False and _SEARCH.search(words):
        return replace(ways, searches=False), True
    if ways.tools is False or ("reasoning_effort" in words and "reasoning_effort" in body):
        return None  # Perhaps it takes tools, but not together with this.
    if "tool_use_failed" not in words and _NO_TOOLS.search(words):
        return replace(ways, tools=False), True
    # Perhaps one schema is wrong, or a call came out wrong. The question is answered all the same.
    return (replace(ways, tools=False), False) if _TOOLS.search(words) else None
