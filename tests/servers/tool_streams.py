"""
Streams with tool calls as providers send them: the events, and the calls that they mean.

Each is shortened to the fields that matter; the source stands beside it. The calls are
(name, arguments as JSON).
"""

import json

TIME = ("time", {"zone": "Europe/Berlin"})
SUM = ("calculate", {"expression": "2*21"})


def delta(*calls, finish=None, **more):
    choice = {"index": 0, "delta": {**more, **({"tool_calls": list(calls)} if calls else {})}}
    return {"choices": [choice | ({"finish_reason": finish} if finish else {})]}


def piece(name=None, arguments=None, **more):
    function = {"name": name, "arguments": arguments}
    return {
        **more,
        "function": {key: value for key, value in function.items() if value is not None},
    }


ZONE = json.dumps(TIME[1])
PRODUCT = json.dumps(SUM[1])
END = {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}

CHAT = {
    # platform.openai.com/docs/guides/function-calling, "Streaming": parallel calls, interleaved
    "openai": (
        [
            delta(role="assistant", content=None),
            delta(piece("time", "", index=0, id="call_A", type="function")),
            delta(piece(None, ZONE[:5], index=0)),
            delta(piece("calculate", "", index=1, id="call_B", type="function")),
            delta(piece(None, PRODUCT[:9], index=1)),
            delta(piece(None, ZONE[5:], index=0)),
            delta(piece(None, PRODUCT[9:], index=1)),
            END,
        ],
        [TIME, SUM],
    ),
    # github.com/openai/openai-python/issues/2806, python-genai#2868: no index, whole, `stop`
    "gemini": (
        [
            delta(
                {
                    **piece("time", ZONE, id="function-call-1", type="function"),
                    "extra_content": {"google": {"thought_signature": "c2ln"}},
                },
                role="assistant",
            ),
            delta(piece("calculate", PRODUCT, id="function-call-2", type="function")),
            delta(content="", finish="stop"),
        ],
        [TIME, SUM],
    ),
    # github.com/ollama/ollama/issues/15457: always index 0
    "ollama": (
        [
            delta(piece("time", ZONE, index=0, id="call_1"), role="assistant", content=""),
            delta(piece("calculate", PRODUCT, index=0, id="call_2"), role="assistant", content=""),
            delta(content="", finish="tool_calls"),
        ],
        [TIME, SUM],
    ),
    # docs.ollama.com/api: its own API. Arguments are an object, and there are no ids.
    "ollama, own api": (
        [
            {
                "message": {
                    "role": "assistant",
                    "content": "",
                    "tool_calls": [
                        {"function": {"name": "time", "arguments": TIME[1]}},
                        {"function": {"name": "calculate", "arguments": SUM[1]}},
                    ],
                },
                "done": False,
            },
            {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"},
        ],
        [TIME, SUM],
    ),
    # github.com/gcli2api/gcli2api/issues/406: the same tool twice at index 0, without ids
    "a gateway": (
        [
            delta(piece("time", ZONE, index=0)),
            delta(piece("time", '{"zone": "Asia/Tokyo"}', index=0)),
            END,
        ],
        [TIME, ("time", {"zone": "Asia/Tokyo"})],
    ),
    # github.com/anomalyco/opencode/pull/40969: empty ids and names in later pieces
    "dashscope": (
        [
            delta(piece("time", "", index=0, id="call_a1ad", type="function")),
            delta(piece("", ZONE[:7], index=0, id="", type="function")),
            delta(piece("", ZONE[7:], index=0, id="", type="function")),
            END,
        ],
        [TIME],
    ),
    # github.com/SillyTavern/SillyTavern/pull/5827: id and name in every piece
    "fireworks": (
        [
            delta(piece("time", "", index=0, id="chatcmpl-tool-aa62", type="function")),
            *(
                delta(piece("time", text, index=0, id="chatcmpl-tool-aa62", type="function"))
                for text in (ZONE[:4], ZONE[4:8], ZONE[8:])
            ),
            END,
        ],
        [TIME],
    ),
    # github.com/vercel/ai/pull/16507: Command A on vLLM; the first name is empty
    "vllm": (
        [
            delta(piece("", "", index=0, id="chatcmpl-tool-1", type="function")),
            delta(piece("time", None, index=0)),
            delta(piece(None, ZONE, index=0)),
            END,
        ],
        [TIME],
    ),
    # github.com/sgl-project/sglang/pull/35542: ids and names are null later
    "sglang": (
        [
            delta(piece("time", "", index=0, id="call_abc", type="function"), content=None),
            delta({"index": 0, "id": None, "function": {"name": None, "arguments": ZONE}}),
            END,
        ],
        [TIME],
    ),
    # github.com/openai/openai-python/pull/3425: two pieces of one call in one event
    "two pieces in one event": (
        [
            delta(
                piece("time", "", index=0, id="call_A", type="function"),
                piece(None, ZONE[:6], index=0),
            ),
            delta(piece(None, ZONE[6:], index=0)),
            END,
        ],
        [TIME],
    ),
    # api-docs.deepseek.com/guides/thinking_mode: thinking before the call, text beside it
    "deepseek": (
        [
            delta(role="assistant", content=None, reasoning_content="I need "),
            delta(content=None, reasoning_content="the time."),
            delta(content="Let me look. "),
            delta(piece("time", ZONE, index=0, id="call_00_x", type="function"), content="One m"),
            delta(content="oment."),
            END,
        ],
        [TIME],
    ),
    # docs.mistral.ai/capabilities/function_calling: whole, in the last event
    "mistral": (
        [
            delta(role="assistant", content=""),
            delta(piece("time", ZONE, id="D681PevKs", index=0), content="", finish="tool_calls"),
        ],
        [TIME],
    ),
    # github.com/BerriAI/litellm/issues: a string that holds JSON
    "encoded twice": (
        [delta(piece("time", json.dumps(ZONE), index=0, id="c1")), END],
        [TIME],
    ),
    # console.groq.com/docs/tool-use: nothing for no arguments
    "no arguments": (
        [delta(piece("time", "", index=0, id="c1")), delta(finish="tool_calls")],
        [("time", {})],
    ),
    # A whole answer, as servers send it that do not stream with tools.
    "not streamed": (
        [
            {
                "object": "chat.completion",
                "choices": [
                    {
                        "index": 0,
                        "message": {
                            "role": "assistant",
                            "content": None,
                            "tool_calls": [piece("time", ZONE, id="c1", type="function")],
                        },
                        "finish_reason": "tool_calls",
                    }
                ],
            }
        ],
        [TIME],
    ),
    # platform.openai.com/docs/api-reference: deprecated, still sent by old gateways
    "function_call": (
        [
            {"choices": [{"index": 0, "delta": {"function_call": {"name": "time"}}}]},
            {"choices": [{"index": 0, "delta": {"function_call": {"arguments": ZONE}}}]},
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "function_call"}]},
        ],
        [TIME],
    ),
}

# docs.anthropic.com/en/docs/build-with-claude/streaming, "tool use" and "extended thinking"
ANTHROPIC = [
    {"type": "message_start", "message": {"role": "assistant", "usage": {"input_tokens": 5}}},
    {
        "type": "content_block_start",
        "index": 0,
        "content_block": {"type": "thinking", "thinking": "", "signature": ""},
    },
    {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "thinking_delta", "thinking": "Let "},
    },
    {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "thinking_delta", "thinking": "me see"},
    },
    {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "signature_delta", "signature": "EqQB"},
    },
    {"type": "content_block_stop", "index": 0},
    {
        "type": "content_block_start",
        "index": 1,
        "content_block": {"type": "redacted_thinking", "data": "EmwK"},
    },
    {"type": "content_block_stop", "index": 1},
    {"type": "content_block_start", "index": 2, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "text_delta", "text": "I will "}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "text_delta", "text": "look."}},
    {"type": "content_block_stop", "index": 2},
    {
        "type": "content_block_start",
        "index": 3,
        "content_block": {"type": "tool_use", "id": "toolu_1", "name": "time", "input": {}},
    },
    {
        "type": "content_block_delta",
        "index": 3,
        "delta": {"type": "input_json_delta", "partial_json": ""},
    },
    {
        "type": "content_block_delta",
        "index": 3,
        "delta": {"type": "input_json_delta", "partial_json": ZONE[:8]},
    },
    {
        "type": "content_block_delta",
        "index": 3,
        "delta": {"type": "input_json_delta", "partial_json": ZONE[8:]},
    },
    {"type": "content_block_stop", "index": 3},
    {
        "type": "content_block_start",
        "index": 4,
        "content_block": {"type": "tool_use", "id": "toolu_2", "name": "calculate", "input": {}},
    },
    {
        "type": "content_block_delta",
        "index": 4,
        "delta": {"type": "input_json_delta", "partial_json": PRODUCT},
    },
    {"type": "content_block_stop", "index": 4},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}},
    {"type": "message_stop"},
]

# platform.openai.com/docs/guides/function-calling, "Streaming", of the Responses API
RESPONSES = [
    {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}},
    {
        "type": "response.output_item.added",
        "output_index": 0,
        "item": {"type": "reasoning", "id": "rs_1", "summary": []},
    },
    {
        "type": "response.output_item.done",
        "output_index": 0,
        "item": {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"},
    },
    {
        "type": "response.output_item.added",
        "output_index": 1,
        "item": {"type": "message", "id": "msg_1", "content": []},
    },
    {"type": "response.output_text.delta", "output_index": 1, "delta": "I will look."},
    {
        "type": "response.output_item.done",
        "output_index": 1,
        "item": {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [
                {"type": "output_text", "text": "I will look.", "annotations": [], "logprobs": []}
            ],
        },
    },
    {
        "type": "response.output_item.added",
        "output_index": 2,
        "item": {
            "type": "function_call",
            "id": "fc_1",
            "call_id": "call_1",
            "name": "time",
            "arguments": "",
        },
    },
    {
        "type": "response.output_item.added",
        "output_index": 3,
        "item": {
            "type": "function_call",
            "id": "fc_2",
            "call_id": "call_2",
            "name": "calculate",
            "arguments": "",
        },
    },
    {
        "type": "response.function_call_arguments.delta",
        "item_id": "fc_1",
        "output_index": 2,
        "delta": ZONE[:5],
    },
    {
        "type": "response.function_call_arguments.delta",
        "item_id": "fc_2",
        "output_index": 3,
        "delta": PRODUCT,
    },
    {
        "type": "response.function_call_arguments.delta",
        "item_id": "fc_1",
        "output_index": 2,
        "delta": ZONE[5:],
    },
    {
        "type": "response.function_call_arguments.done",
        "item_id": "fc_1",
        "output_index": 2,
        "arguments": ZONE,
    },
    {
        "type": "response.output_item.done",
        "output_index": 2,
        "item": {
            "type": "function_call",
            "id": "fc_1",
            "call_id": "call_1",
            "name": "time",
            "arguments": ZONE,
            "status": "completed",
        },
    },
    {
        "type": "response.output_item.done",
        "output_index": 3,
        "item": {
            "type": "function_call",
            "id": "fc_2",
            "call_id": "call_2",
            "name": "calculate",
            "arguments": PRODUCT,
            "status": "completed",
        },
    },
    {
        "type": "response.completed",
        "response": {
            "status": "completed",
            "output": [],
            "usage": {"input_tokens": 3, "output_tokens": 4},
        },
    },
]

TOOLLESS = {
    # github.com/ollama/ollama/issues/13578
    "ollama": (
        400,
        {"error": {"message": "registry.ollama.ai/library/gemma:2b does not support tools"}},
    ),
    # openrouter.ai/docs/api-reference/errors
    "openrouter": (
        404,
        {
            "error": {
                "message": 'No endpoints found that support tool use. Try disabling "time".',
                "code": 404,
            }
        },
    ),
    # docs.vllm.ai/en/latest/features/tool_calling.html
    "vllm": (
        400,
        {
            "error": {
                "message": '"auto" tool choice requires --enable-auto-tool-choice and '
                "--tool-call-parser to be set",
                "type": "BadRequestError",
                "code": 400,
            }
        },
    ),
    # github.com/ggml-org/llama.cpp: tools/server; it says 500
    "llama.cpp": (
        500,
        {
            "error": {
                "code": 500,
                "message": "tools param requires --jinja flag",
                "type": "server_error",
            }
        },
    ),
    # docs.aws.amazon.com/bedrock; together.ai; several gateways
    "gateway": (
        400,
        {
            "error": {
                "message": "tools is not supported in this model",
                "type": "invalid_request_error",
            }
        },
    ),
    "function calling": (
        400,
        {"error": {"message": "This model does not support function calling."}},
    ),
    "fastapi": (
        422,
        {
            "detail": [
                {
                    "type": "extra_forbidden",
                    "loc": ["body", "tools"],
                    "msg": "Extra inputs are not permitted",
                }
            ]
        },
    ),
}


# Calls that a server left in the text, as the chat templates of the models write them.
TEXT = {
    # huggingface.co/NousResearch/Hermes-3-Llama-3.1-8B, Qwen/Qwen2.5-7B-Instruct
    "hermes, qwen": (
        f'<tool_call>\n{{"name": "time", "arguments": {ZONE}}}\n</tool_call>\n'
        f'<tool_call>\n{{"name": "calculate", "arguments": {PRODUCT}}}\n</tool_call>',
        [TIME, SUM],
    ),
    # huggingface.co/Qwen/Qwen3-Coder-30B-A3B-Instruct
    "qwen coder": (
        "<tool_call>\n<function=calculate>\n<parameter=expression>\n2*21\n</parameter>\n"
        "</function>\n</tool_call>",
        [SUM],
    ),
    # huggingface.co/zai-org/GLM-4.5
    "glm": (
        "<tool_call>time\n<arg_key>zone</arg_key>\n<arg_value>Europe/Berlin</arg_value>\n"
        "</tool_call>",
        [TIME],
    ),
    # llama.com/docs/model-cards-and-prompt-formats/llama3_1
    "llama": (f'<|python_tag|>{{"name": "time", "parameters": {ZONE}}}<|eom_id|>', [TIME]),
    "llama, custom": (f"<function=time>{ZONE}</function>", [TIME]),
    # docs.mistral.ai, mistral-common: tokenizers v3 and v11
    "mistral": (f'[TOOL_CALLS][{{"name": "time", "arguments": {ZONE}}}]', [TIME]),
    "mistral, newer": (
        f"[TOOL_CALLS]time[ARGS]{ZONE}[TOOL_CALLS]calculate[ARGS]{PRODUCT}",
        [TIME, SUM],
    ),
    # huggingface.co/deepseek-ai/DeepSeek-V3 and V3.1
    "deepseek": (
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>time\n```json\n"
        f"{ZONE}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
        [TIME],
    ),
    "deepseek, newer": (
        f"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>time<｜tool▁sep｜>{ZONE}<｜tool▁call▁end｜>"
        f"<｜tool▁call▁begin｜>calculate<｜tool▁sep｜>{PRODUCT}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
        [TIME, SUM],
    ),
    # huggingface.co/moonshotai/Kimi-K2-Instruct, docs/tool_call_guidance.md
    "kimi": (
        "<|tool_calls_section_begin|><|tool_call_begin|>functions.time:0"
        f"<|tool_call_argument_begin|>{ZONE}<|tool_call_end|><|tool_calls_section_end|>",
        [TIME],
    ),
}

# console.groq.com/docs/tool-use: `failed_generation`, as people report it. Text is an answer.
GROQ = {
    "half closed": (f"<function=time{ZONE}</function>", [TIME]),
    "another bracket": (f"(function=time>{ZONE}</function>", [TIME]),
    "in a list": (f'[{{"name": "time", "parameters": {ZONE}}}]', [TIME]),
    "behind words": (f"Let me look.\n<function=time>{ZONE}</function>", [TIME]),
    "an answer": ("It is noon in Berlin.", "It is noon in Berlin."),
}
