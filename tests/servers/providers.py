"""
What providers refuse, strictly, in their own words: functions of a request's body.

Each gives None, or a status and the bytes that come with it. The wordings are those of the
documents and issue threads named beside them.
"""

import json


def openai(message, code=None, param=None, kind="invalid_request_error", status=400):
    error = {"message": message, "type": kind, "param": param, "code": code}
    return status, json.dumps({"error": error}).encode()


def wants(body, *names):
    return any(name in body for name in names)


def pictures(body):
    return any(
        part["type"] == "image_url"
        for message in body["messages"]
        if isinstance(message["content"], list)
        for part in message["content"]
    )


# --- Parameters --------------------------------------------------------------------------------


def new_openai(body):
    """platform.openai.com/docs/guides/reasoning: `max_completion_tokens`, no temperature."""
    if "max_tokens" in body:
        text = (
            "Unsupported parameter: 'max_tokens' is not supported with this model. "
            "Use 'max_completion_tokens' instead."
        )
        return openai(text, "unsupported_parameter", "max_tokens")
    if body.get("temperature", 1) != 1:
        text = (
            "Unsupported value: 'temperature' does not support 0.2 with this model. "
            "Only the default (1) value is supported."
        )
        return openai(text, "unsupported_value", "temperature")
    return None


def old_gateway(body):
    """github.com/openai/openai-python/issues: servers before `max_completion_tokens`."""
    if "max_completion_tokens" in body:
        return openai("Unrecognized request argument supplied: max_completion_tokens")
    return None


def fastapi_no_stream_options(body):
    """docs.mistral.ai: errors of FastAPI's kind, 422 with a list (`extra_forbidden`)."""
    if "stream_options" in body:
        detail = {
            "type": "extra_forbidden",
            "loc": ["body", "stream_options"],
            "msg": "Extra inputs are not permitted",
        }
        return 422, json.dumps({"detail": [detail]}).encode()
    return None


def no_system_openai(body):
    """platform.openai.com/docs/guides/reasoning: o1 wants `developer`."""
    if any(message["role"] == "system" for message in body["messages"]):
        text = "Unsupported value: 'messages[0].role' does not support 'system' with this model."
        return openai(text, "unsupported_value", "messages[0].role")
    return None


def no_system_gemma(body):
    """Gemma's chat template: `raise_exception('System role not supported')`, told by vLLM."""
    if any(message["role"] != "user" for message in body["messages"][:1]):
        return 400, json.dumps(
            {"object": "error", "message": "System role not supported", "code": 400}
        ).encode()
    return None


def developer_not_enabled(body):
    """ai.google.dev: Gemma behind Gemini's OpenAI endpoint; errors come in a list."""
    if body["messages"][0]["role"] in ("system", "developer"):
        error = {
            "code": 400,
            "message": "Developer instruction is not enabled for models/gemma-3-27b-it",
            "status": "INVALID_ARGUMENT",
        }
        return 400, json.dumps([{"error": error}]).encode()
    return None


def no_streaming(body):
    """platform.openai.com: organisations that are not verified may not stream some models."""
    if body.get("stream"):
        text = (
            "Your organization must be verified to stream this model. Please go to: "
            "https://platform.openai.com/settings/organization/general"
        )
        return openai(text, "unsupported_value", "stream")
    return None


# --- Pictures ----------------------------------------------------------------------------------


def blind(status, said):
    body_of_it = said if isinstance(said, bytes) else json.dumps(said).encode()
    return lambda body: (status, body_of_it) if pictures(body) else None


BLIND = {
    # openrouter.ai/docs/api-reference/errors
    "openrouter": blind(
        404, {"error": {"message": "No endpoints found that support image input", "code": 404}}
    ),
    # github.com/ggml-org/llama.cpp: tools/server, without --mmproj
    "llama.cpp": blind(
        500,
        {
            "error": {
                "code": 500,
                "message": "image input is not supported - hint: you may need the mmproj",
                "type": "server_error",
            }
        },
    ),
    # github.com/vllm-project/vllm: entrypoints/chat_utils
    "vllm": blind(
        400,
        {"error": {"message": "Qwen/Qwen3-8B is not a multimodal model", "code": 400, "type": "B"}},
    ),
    # api-docs.deepseek.com: serde's words
    "deepseek": blind(
        400,
        {
            "error": {
                "message": "Failed to deserialize the JSON body into the target type: messages[1]: "
                "unknown variant `image_url`, expected `text` at line 1 column 350",
                "type": "invalid_request_error",
                "code": "invalid_request_error",
            }
        },
    ),
    # console.groq.com/docs/errors
    "groq": blind(400, {"error": {"message": "messages[1].content must be a string"}}),
}


# --- The window ----------------------------------------------------------------------------------

WINDOW = 800


def counted(body):
    """Tokens as such a server counts them: four characters each."""
    said = [
        part["text"]
        for message in body["messages"]
        for part in (
            message["content"]
            if isinstance(message["content"], list)
            else [{"text": message["content"]}]
        )
    ]
    return sum(len(text) // 4 + 4 for text in said)


def small(wording, status=400):
    """A model with a `WINDOW`, that refuses more in *wording* ({n} asked, {w} the window)."""

    def refuse(body):
        n = counted(body)
        if n <= WINDOW:
            return None
        return status, json.dumps(wording(n, WINDOW)).encode()

    return refuse


WINDOWS = {
    # platform.openai.com/docs/guides/error-codes
    "openai": small(
        lambda n, w: {
            "error": {
                "message": f"This model's maximum context length is {w} tokens. However, your "
                f"messages resulted in {n} tokens. Please reduce the length of the messages.",
                "type": "invalid_request_error",
                "param": "messages",
                "code": "context_length_exceeded",
            }
        }
    ),
    "openai, newer": small(
        lambda n, w: {
            "error": {
                "message": "Your input exceeds the context window of this model. Please adjust "
                "your input and try again.",
                "type": "invalid_request_error",
                "code": "context_length_exceeded",
            }
        }
    ),
    # github.com/vllm-project/vllm: entrypoints/openai/serving_engine
    "vllm": small(
        lambda n, w: {
            "object": "error",
            "message": f"This model's maximum context length is {w} tokens. However, you requested "
            f"{n + 100} tokens ({n} in the messages, 100 in the completion). Please reduce the "
            "length of the messages or completion.",
            "type": "BadRequestError",
            "code": 400,
        }
    ),
    # github.com/ggml-org/llama.cpp: tools/server
    "llama.cpp": small(
        lambda n, w: {
            "error": {
                "code": 400,
                "message": "the request exceeds the available context size, try increasing it",
                "type": "exceed_context_size_error",
                "n_prompt_tokens": n,
                "n_ctx": w,
            }
        }
    ),
    # github.com/ollama/ollama/issues: with a truncation that is switched off
    "ollama": small(lambda n, w: {"error": "the input length exceeds the context length"}),
    # docs.anthropic.com/en/api/errors, through gateways of OpenAI's shape
    "anthropic": small(
        lambda n, w: {
            "type": "error",
            "error": {
                "type": "invalid_request_error",
                "message": f"prompt is too long: {n} tokens > {w} maximum",
            },
        }
    ),
    # api-docs.deepseek.com
    "deepseek": small(
        lambda n, w: {
            "error": {
                "message": f"This model's maximum context length is {w} tokens. However, you "
                f"requested {n} tokens ({n} in the messages, 0 in the completion). Please reduce "
                "the length of the messages or completion.",
                "type": "invalid_request_error",
                "param": None,
                "code": "invalid_request_error",
            }
        }
    ),
    # openrouter.ai/docs/api-reference/errors
    "openrouter": small(
        lambda n, w: {
            "error": {
                "message": f"This endpoint's maximum context length is {w} tokens. However, you "
                f"requested about {n} tokens ({n} of text input). Please reduce the length.",
                "code": 400,
            }
        }
    ),
    # docs.mistral.ai
    "mistral": small(
        lambda n, w: {
            "object": "error",
            "message": f"Prompt contains {n} tokens and 0 draft tokens, too large for model with "
            f"{w} maximum context length",
            "type": "invalid_request_error",
            "code": "3051",
        }
    ),
    # ai.google.dev/gemini-api/docs/troubleshooting
    "gemini": small(
        lambda n, w: [
            {
                "error": {
                    "code": 400,
                    "message": f"The input token count ({n}) exceeds the maximum number of tokens "
                    f"allowed ({w}).",
                    "status": "INVALID_ARGUMENT",
                }
            }
        ]
    ),
    # cloud.baidu.com/doc/qianfan-docs
    "qianfan": small(
        lambda n, w: {
            "error": {
                "code": "tokens_too_long",
                "message": f"Prompt tokens too long. max input tokens is {w}",
                "type": "invalid_request_error",
            },
            "id": "as-1",
        }
    ),
    # console.groq.com/docs/errors
    "groq": small(
        lambda n, w: {
            "error": {
                "message": "Please reduce the length of the messages or completion.",
                "type": "invalid_request_error",
                "param": "messages",
                "code": "context_length_exceeded",
            }
        }
    ),
    "groq, a minute's tokens": small(
        lambda n, w: {
            "error": {
                "message": "Request too large for model `llama-3.1-8b-instant` on tokens per "
                f"minute (TPM): Limit {w}, Requested {n}, please reduce your message size.",
                "type": "tokens",
                "code": "rate_limit_exceeded",
            }
        },
        status=413,
    ),
    # docs.perplexity.ai
    "perplexity": small(
        lambda n, w: {
            "error": {
                "message": f"Your prompt contains more than {w} tokens: prompt is too long",
                "type": "invalid_message",
                "code": 400,
            }
        }
    ),
    # help.aliyun.com/zh/model-studio/error-code
    "qwen": small(
        lambda n, w: {
            "error": {
                "code": "invalid_parameter_error",
                "message": f"<400> InternalError.Algo.InvalidParameter: Range of input length "
                f"should be [1, {w}]",
                "type": "invalid_request_error",
            }
        }
    ),
    # docs.x.ai
    "xai": small(
        lambda n, w: {
            "code": "Client specified an invalid argument",
            "error": "This model's maximum prompt length is "
            f"{w} but the request contains {n} tokens.",
        }
    ),
}


# --- What is refused for good, and what the person is told -------------------------------------

FINAL = {
    # api-docs.deepseek.com/quick_start/error_codes
    "deepseek, key": (
        401,
        {
            "error": {
                "message": "Authentication Fails, Your api key: ****e3bd is invalid",
                "type": "authentication_error",
                "param": None,
                "code": "invalid_request_error",
            }
        },
        "key",
    ),
    "deepseek, balance": (
        402,
        {
            "error": {
                "message": "Insufficient Balance",
                "type": "unknown_error",
                "code": "invalid_request_error",
            }
        },
        "balance",
    ),
    "deepseek, model": (
        400,
        {
            "error": {
                "message": "Model Not Exist",
                "type": "invalid_request_error",
                "code": "invalid_request_error",
            }
        },
        "model",
    ),
    "deepseek, content": (
        400,
        {"error": {"message": "Content Exists Risk", "type": "invalid_request_error"}},
        "policy",
    ),
    # platform.openai.com/docs/guides/error-codes
    "openai, model": (
        404,
        {
            "error": {
                "message": "The model `gpt-9` does not exist or you do not have access to it.",
                "type": "invalid_request_error",
                "code": "model_not_found",
            }
        },
        "model",
    ),
    "openai, quota": (
        429,
        {
            "error": {
                "message": "You exceeded your current quota, please check your plan and billing "
                "details.",
                "type": "insufficient_quota",
                "code": "insufficient_quota",
            }
        },
        "balance",
    ),
    "azure, content": (
        400,
        {
            "error": {
                "message": "The response was filtered due to the prompt triggering Azure OpenAI's "
                "content management policy.",
                "code": "content_filter",
                "innererror": {"code": "ResponsibleAIPolicyViolation"},
                "status": 400,
            }
        },
        "policy",
    ),
    # ai.google.dev: a list
    "gemini, key": (
        400,
        [
            {
                "error": {
                    "code": 400,
                    "message": "API key not valid. Please pass a valid API key.",
                    "status": "INVALID_ARGUMENT",
                }
            }
        ],
        "key",
    ),
    # docs.anthropic.com/en/api/errors
    "anthropic, balance": (
        400,
        {
            "type": "error",
            "error": {
                "type": "invalid_request_error",
                "message": "Your credit balance is too low to access the Anthropic API.",
            },
        },
        "balance",
    ),
    # help.aliyun.com/zh/model-studio/error-code
    "qwen, balance": (
        400,
        {"error": {"code": "Arrearage", "message": "Access denied.", "type": "Arrearage"}},
        "balance",
    ),
    "qwen, content": (
        400,
        {
            "error": {
                "code": "data_inspection_failed",
                "message": "Input data may contain inappropriate content.",
            }
        },
        "policy",
    ),
    # platform.moonshot.ai/docs
    "moonshot, balance": (
        429,
        {
            "error": {
                "type": "exceeded_current_quota_error",
                "message": "Your account is suspended due to insufficient balance",
            }
        },
        "balance",
    ),
    # github.com/ollama/ollama: api
    "ollama, model": (404, {"error": "model 'qwen9' not found"}, "model"),
    # openrouter.ai/docs/api-reference/errors
    "openrouter, model": (
        400,
        {"error": {"message": "some/model is not a valid model ID", "code": 400}},
        "model",
    ),
    "openrouter, content": (
        403,
        {
            "error": {
                "code": 403,
                "message": "Your chosen model requires moderation and your input was flagged",
            }
        },
        "policy",
    ),
    "openrouter, wrapped": (
        400,
        {
            "error": {
                "message": "Provider returned error",
                "code": 400,
                "metadata": {"raw": '{"error":{"message":"Insufficient Balance"}}'},
            }
        },
        "balance",
    ),
    # cloud.baidu.com/doc/qianfan-docs
    "qianfan, model": (
        400,
        {"error": {"code": "invalid_model", "message": "No permission to use the model"}},
        "model",
    ),
    "a page of HTML": (401, b"<html><body>Unauthorized</body></html>", "key"),
    "a string": (400, {"error": "Incorrect API key provided"}, "key"),
    "nothing": (400, b"", "request"),
}
BUSY = {
    "openai": (429, {"error": {"message": "Rate limit reached", "code": "rate_limit_exceeded"}}),
    "anthropic": (529, {"type": "error", "error": {"type": "overloaded_error", "message": "x"}}),
    "cloudflare": (502, b"<html>Bad gateway</html>"),
    "qianfan": (429, {"error": {"code": "rpm_rate_limit_exceeded", "message": "RPM"}}),
}
