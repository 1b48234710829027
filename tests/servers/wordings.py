"""
Refusals as servers word them: who, with which status and body, and what it means.

*means* is a reason of `core.errors.Refused`, `busy` for what passes, or what is learned, as
`core.models.ways.Ways` tells it. {n} and {w} are not filled in here: the numbers are those of the
documents and issue threads named beside them; none was tried against a provider's real API.
"""

import json
from typing import NamedTuple


class Wording(NamedTuple):
    who: str
    status: int
    said: object
    means: str

    @property
    def body(self):
        return self.said if isinstance(self.said, bytes) else json.dumps(self.said).encode()


def _openai(message, code=None, kind="invalid_request_error", param=None):
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def _tgi(message, kind="validation"):
    return {"error": message, "error_type": kind}


def _vllm(message, kind="BadRequestError", code=400):
    return {"object": "error", "message": message, "type": kind, "param": None, "code": code}


def _bedrock(exception, message):
    """github.com/aws-samples/bedrock-access-gateway: boto's words as FastAPI's detail."""
    call = "when calling the ConverseStream operation"
    return {"detail": f"An error occurred ({exception}) {call}: {message}"}


_ROLES = "Conversation roles must alternate user/assistant/user/assistant/..."
_AZURE_RATE = (
    "Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2024-10-21 "
    "have exceeded token rate limit of your current OpenAI S0 pricing tier. Please retry after 12 "
    "seconds. Please go here: https://aka.ms/oai/quotaincrease if you would like to further "
    "increase the default rate limit."
)

WORDINGS = (
    # github.com/huggingface/text-generation-inference: router/src/validation.rs, server.rs, and
    # huggingface.co/docs/inference-providers
    Wording(
        "TGI",
        422,
        _tgi(
            "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: "
            "5000 `inputs` tokens and 100 `max_new_tokens`"
        ),
        "window 4,096 tokens",
    ),
    Wording(
        "TGI",
        422,
        _tgi("Input validation error: `inputs` must have less than 1024 tokens. Given: 5000"),
        "window 1,024 tokens",
    ),
    Wording("TGI", 429, _tgi("Model is overloaded", "overloaded"), "busy"),
    Wording(
        "TGI",
        424,
        _tgi("Request failed during generation: Server error: CUDA", "generation"),
        "busy",
    ),
    Wording("TGI", 500, _tgi("Incomplete generation", "incomplete_generation"), "busy"),
    Wording(
        "TGI",
        422,
        _tgi("Input validation error: `temperature` must be strictly positive"),
        "without temperature",
    ),
    Wording(
        "TGI",
        422,
        _tgi("Input validation error: `top_p` must be > 0.0 and < 1.0"),
        "without top_p",
    ),
    Wording(
        "TGI",
        422,
        _tgi(
            "Template error: invalid operation: System role not supported (in <string>:1)",
            "template_error",
        ),
        "instructions as user",
    ),
    Wording(
        "TGI", 503, {"error": "Model x/y is currently loading", "estimated_time": 20.0}, "busy"
    ),
    Wording(
        "TGI",
        402,
        {"error": "You have exceeded your monthly included credits for Inference Providers."},
        "balance",
    ),
    Wording(
        "TGI",
        400,
        _openai(
            "The requested model 'x/y' is not supported by any provider you have enabled.",
            "model_not_supported",
        ),
        "model",
    ),
    Wording("TGI", 401, {"error": "Invalid username or password."}, "key"),
    # github.com/vllm-project/vllm: entrypoints/openai/serving_engine.py, chat_utils.py, and issues
    Wording(
        "vLLM",
        400,
        _openai(
            "This model's maximum context length is 8192 tokens. However, your request has 9000 "
            "input tokens. Please reduce the length of the input messages. None",
            400,
            "BadRequestError",
        ),
        "window 8,192 tokens",
    ),
    Wording(
        "vLLM",
        400,
        _vllm(
            "'max_tokens' or 'max_completion_tokens' is too large: 5000. This model's maximum "
            "context length is 4096 tokens and your request has 100 input tokens "
            "(5000 > 4096 - 100)."
        ),
        "window 4,096 tokens",
    ),
    Wording(
        "vLLM",
        400,
        _vllm(
            "The decoder prompt (length 9000) is longer than the maximum model length of 8192. "
            "Make sure that `max_model_len` is no smaller than the number of text tokens."
        ),
        "window 8,192 tokens",
    ),
    Wording(
        "vLLM",
        400,
        _vllm(
            "You passed 9001 input tokens and requested 100 output tokens. However, the model's "
            "context length is only 8192 tokens, resulting in a maximum input length of 8092 "
            "tokens. Please reduce the length of the input prompt. (parameter=input_tokens)"
        ),
        "window 8,192 tokens",
    ),
    Wording("vLLM", 404, _vllm("The model `x` does not exist.", "NotFoundError", 404), "model"),
    Wording("vLLM", 401, {"error": "Unauthorized"}, "key"),
    Wording("vLLM", 400, _vllm("At most 0 image(s) may be provided in one prompt."), "no pictures"),
    Wording("vLLM", 400, _vllm("Qwen/Qwen3-8B is not a multimodal model"), "no pictures"),
    Wording("vLLM", 400, _vllm(f"{_ROLES} None"), "instructions as user"),
    Wording(
        "vLLM",
        400,
        _vllm(
            "[{'type': 'extra_forbidden', 'loc': ('body', 'verbosity'), 'msg': 'Extra inputs are "
            "not permitted', 'input': 'low'}]"
        ),
        "without verbosity",
    ),
    Wording(
        "vLLM", 500, _vllm("EngineCore encountered an issue.", "InternalServerError", 500), "busy"
    ),
    Wording(
        "vLLM",
        400,
        _vllm("max_tokens must be at least 1, got -808."),
        "window ?",
    ),
    # github.com/sgl-project/sglang: managers/tokenizer_manager.py, entrypoints/openai
    Wording(
        "SGLang",
        400,
        _vllm("The input (9000 tokens) is longer than the model's context length (8192 tokens)."),
        "window 8,192 tokens",
    ),
    Wording(
        "SGLang",
        400,
        _vllm(
            "Requested token count exceeds the model's maximum context length of 8192 tokens. You "
            "requested a total of 9000 tokens: 8500 tokens from the input messages and 500 tokens "
            "for the completion. Please reduce the number of tokens in the input messages or the "
            "completion to fit within the limit."
        ),
        "window 8,192 tokens",
    ),
    Wording("SGLang", 503, _vllm("The request queue is full.", "ServiceUnavailable", 503), "busy"),
    Wording("SGLang", 404, _vllm("Model 'x' not found", "NotFound", 404), "model"),
    Wording("SGLang", 401, {"error": "Unauthorized"}, "key"),
    Wording(
        "SGLang",
        400,
        _vllm("This model does not support multimodal inputs, but image_data was given."),
        "no pictures",
    ),
    # lmstudio.ai/docs and github.com/lmstudio-ai/lmstudio-bug-tracker
    Wording(
        "LM Studio",
        400,
        {
            "error": "Trying to keep the first 9000 tokens when context the overflows. However, "
            "the model is loaded with context length of only 4096 tokens, which is not enough. "
            "Try to load the model with a larger context length, or provide a shorter input"
        },
        "window 4,096 tokens",
    ),
    Wording(
        "LM Studio",
        400,
        {
            "error": "The number of tokens to keep from the initial prompt is greater than the "
            "context length (n_keep: 9000 >= n_ctx: 4096). Try to load the model with a larger "
            "context length, or provide a shorter input."
        },
        "window 4,096 tokens",
    ),
    Wording(
        "LM Studio",
        404,
        _openai("No models loaded. Please load a model in the developer page or use `lms load`."),
        "model",
    ),
    Wording(
        "LM Studio", 400, {"error": 'Model "x" not found. Please specify a valid model.'}, "model"
    ),
    Wording(
        "LM Studio",
        400,
        {"error": "Model does not support images. Please use a model that does."},
        "no pictures",
    ),
    Wording(
        "LM Studio",
        400,
        {
            "error": 'Error rendering prompt with jinja template: "Error: Only user and '
            'assistant roles are supported!"'
        },
        "instructions as user",
    ),
    Wording(
        "LM Studio",
        400,
        {"error": "The model has crashed without additional information. (Exit code: 5)"},
        "busy",
    ),
    Wording("LM Studio", 400, {"error": "Model unloaded."}, "busy"),
    # github.com/ollama/ollama: server/routes.go, openai/openai.go, and issues
    Wording(
        "Ollama",
        404,
        _openai('model "x" not found, try pulling it first', kind="api_error"),
        "model",
    ),
    Wording(
        "Ollama",
        400,
        _openai('"nomic-embed-text" does not support chat', kind="api_error"),
        "model",
    ),
    Wording(
        "Ollama",
        400,
        _openai('"gemma3:4b" does not support thinking', kind="api_error"),
        "without reasoning_effort",
    ),
    Wording(
        "Ollama",
        503,
        _openai(
            "server busy, please try again. maximum pending requests exceeded", kind="api_error"
        ),
        "busy",
    ),
    Wording("Ollama", 500, {"error": "llama runner process has terminated: exit status 2"}, "busy"),
    Wording(
        "Ollama",
        500,
        {"error": "this model is missing data required for image input"},
        "no pictures",
    ),
    Wording(
        "Ollama",
        400,
        _openai("the input length exceeds the context length", kind="api_error"),
        "window ?",
    ),
    Wording(
        "Ollama",
        403,
        {
            "error": "this model requires a subscription, upgrade for access: https://ollama.com/upgrade"
        },
        "balance",
    ),
    Wording(
        "Ollama",
        429,
        {"error": "you have reached your weekly usage limit, upgrade for higher limits"},
        "busy",
    ),
    Wording("Ollama", 401, {"error": "unauthorized"}, "key"),
    # github.com/ggml-org/llama.cpp: tools/server
    Wording(
        "llama.cpp",
        400,
        {
            "error": {
                "code": 400,
                "message": "request (9000 tokens) exceeds the available context size (4096 "
                "tokens), try increasing it",
                "type": "exceed_context_size_error",
                "n_prompt_tokens": 9000,
                "n_ctx": 4096,
            }
        },
        "window 4,096 tokens",
    ),
    Wording(
        "llama.cpp",
        400,
        _openai(
            "the request exceeds the available context size. try increasing the context size or "
            "enable context shift",
            400,
        ),
        "window ?",
    ),
    Wording("llama.cpp", 503, _openai("Loading model", 503, "unavailable_error"), "busy"),
    Wording("llama.cpp", 401, _openai("Invalid API Key", 401, "authentication_error"), "key"),
    Wording(
        "llama.cpp",
        500,
        _openai(
            "image input is not supported - hint: if this is unexpected, you may need to provide "
            "the mmproj",
            500,
            "server_error",
        ),
        "no pictures",
    ),
    Wording(
        "llama.cpp",
        500,
        _openai(f"Jinja Exception: {_ROLES}", 500, "server_error"),
        "instructions as user",
    ),
    Wording(
        "llama.cpp",
        500,
        _openai("Jinja Exception: System role not supported", 500, "server_error"),
        "instructions as user",
    ),
    Wording(
        "llama.cpp",
        501,
        _openai("This server does not support completions.", 501, "not_supported_error"),
        "model",
    ),
    # github.com/mudler/LocalAI: core/http, and issues
    Wording(
        "LocalAI",
        500,
        {
            "error": {
                "code": 500,
                "message": "could not load model: rpc error: code = Unknown",
                "type": "",
            }
        },
        "busy",
    ),
    Wording(
        "LocalAI",
        404,
        {"error": {"code": 404, "message": 'model "x" not found', "type": ""}},
        "model",
    ),
    Wording(
        "LocalAI",
        401,
        {"error": {"code": 401, "message": "An authentication key is required", "type": ""}},
        "key",
    ),
    Wording(
        "LocalAI",
        500,
        {
            "error": {
                "code": 500,
                "message": "rpc error: code = InvalidArgument desc = the request exceeds the "
                "available context size. try increasing the context size",
                "type": "",
            }
        },
        "window ?",
    ),
    # learn.microsoft.com/azure/ai-services/openai, and its issues
    Wording(
        "Azure",
        404,
        {
            "error": {
                "code": "DeploymentNotFound",
                "message": "The API deployment for this resource does not exist. If you created "
                "the deployment within the last 5 minutes, please wait a moment and try again.",
            }
        },
        "model",
    ),
    Wording("Azure", 404, {"error": {"code": "404", "message": "Resource not found"}}, "model"),
    Wording(
        "Azure",
        401,
        {
            "error": {
                "code": "401",
                "message": "Access denied due to invalid subscription key or wrong API endpoint.",
            }
        },
        "key",
    ),
    Wording(
        "Azure",
        403,
        {
            "error": {
                "code": "AccessDenied",
                "message": "Access denied due to Virtual Network/Firewall rules.",
            }
        },
        "key",
    ),
    Wording("Azure", 429, {"error": {"code": "429", "message": _AZURE_RATE}}, "busy"),
    Wording(
        "Azure",
        400,
        {
            "error": {
                "message": "The response was filtered due to the prompt triggering Azure OpenAI's "
                "content management policy. Please modify your prompt and retry.",
                "type": None,
                "param": "prompt",
                "code": "content_filter",
                "status": 400,
                "innererror": {"code": "ResponsibleAIPolicyViolation"},
            }
        },
        "policy",
    ),
    Wording(
        "Azure",
        400,
        {
            "error": {
                "code": "OperationNotSupported",
                "message": "The chatCompletion operation does not work with the specified model, "
                "text-embedding-ada-002. Please choose different model and try again.",
            }
        },
        "model",
    ),
    Wording(
        "Azure",
        400,
        {"error": {"code": "unknown_model", "message": "Unknown model: gpt-9"}},
        "model",
    ),
    Wording(
        "Azure",
        400,
        _openai(
            "Unsupported value: 'reasoning_effort' does not support 'minimal' with this model. "
            "Supported values are: 'low', 'medium', and 'high'.",
            "unsupported_value",
            param="reasoning_effort",
        ),
        "without reasoning_effort",
    ),
    # docs.aws.amazon.com/bedrock: API errors; gateways of OpenAI's shape hand boto's words on
    Wording(
        "Bedrock",
        400,
        _bedrock("ValidationException", "Input is too long for requested model."),
        "window ?",
    ),
    Wording(
        "Bedrock",
        400,
        _bedrock(
            "ValidationException",
            "The model returned the following errors: prompt is too long: 210000 tokens > 200000 "
            "maximum",
        ),
        "window 200,000 tokens",
    ),
    Wording(
        "Bedrock",
        400,
        _bedrock(
            "ValidationException",
            "The maximum tokens you requested exceeds the model limit of 4096. Try again with a "
            "maximum tokens value that is lower than 4096.",
        ),
        "at most 4,096 written",
    ),
    Wording(
        "Bedrock",
        400,
        _bedrock(
            "ValidationException",
            "Invocation of model ID anthropic.claude-sonnet-4-5 with on-demand throughput isn't "
            "supported. Retry your request with the ID or ARN of an inference profile that "
            "contains this model.",
        ),
        "model",
    ),
    Wording(
        "Bedrock",
        403,
        _bedrock(
            "AccessDeniedException",
            "You don't have access to the model with the specified model ID.",
        ),
        "model",
    ),
    Wording(
        "Bedrock",
        404,
        _bedrock(
            "ResourceNotFoundException", "This model version has reached the end of its life."
        ),
        "model",
    ),
    Wording(
        "Bedrock",
        400,
        _bedrock("ThrottlingException", "Too many requests, please wait before trying again."),
        "busy",
    ),
    Wording(
        "Bedrock",
        500,
        _bedrock("ServiceUnavailableException", "Bedrock is unable to process your request."),
        "busy",
    ),
    Wording("Bedrock", 400, _bedrock("ModelNotReadyException", "The model is not ready."), "busy"),
    Wording(
        "Bedrock",
        403,
        _bedrock(
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        ),
        "key",
    ),
    Wording(
        "Bedrock",
        400,
        _bedrock("ExpiredTokenException", "The security token included in the request is expired"),
        "key",
    ),
    Wording(
        "Bedrock",
        400,
        _bedrock(
            "ValidationException",
            "This model doesn't support the image content block that you provided.",
        ),
        "no pictures",
    ),
    Wording(
        "Bedrock",
        400,
        _bedrock(
            "ValidationException",
            "This model doesn't support system messages. Try again without a system message or "
            "use a model that supports system messages.",
        ),
        "instructions as user",
    ),
    Wording(
        "Bedrock",
        400,
        _bedrock(
            "ValidationException",
            "`temperature` and `top_p` cannot both be specified for this model. Please use only "
            "one.",
        ),
        "without temperature",
    ),
    Wording(
        "Bedrock",
        400,
        _bedrock(
            "ValidationException",
            "This action doesn't support the model that you provided. Try again with a supported "
            "text or chat model.",
        ),
        "model",
    ),
    # docs.litellm.ai/docs/exception_mapping, and its proxy's issues
    Wording(
        "LiteLLM",
        400,
        _openai(
            "litellm.ContextWindowExceededError: litellm.BadRequestError: OpenAIException - This "
            "model's maximum context length is 8192 tokens. However, your messages resulted in "
            "9000 tokens.",
            "400",
        ),
        "window 8,192 tokens",
    ),
    Wording(
        "LiteLLM",
        400,
        _openai(
            "/chat/completions: Invalid model name passed in model=gpt-9. Call `/v1/models` to "
            "view available models for your key.",
            "400",
        ),
        "model",
    ),
    Wording(
        "LiteLLM",
        401,
        _openai("Authentication Error, Invalid proxy server token passed.", "401", "auth_error"),
        "key",
    ),
    Wording(
        "LiteLLM",
        400,
        _openai(
            "Budget has been exceeded! Current cost: 10.2, Max budget: 10.0",
            "400",
            "budget_exceeded",
        ),
        "balance",
    ),
    Wording(
        "LiteLLM",
        429,
        _openai(
            "No deployments available for selected model, Try again in 60 seconds. Passed "
            "model=gpt-4o.",
            "429",
            "None",
        ),
        "busy",
    ),
    Wording(
        "LiteLLM",
        400,
        _openai(
            "litellm.UnsupportedParamsError: vertex_ai does not support parameters: "
            "['reasoning_effort'], for model=gemini-x. To drop these, set "
            "`litellm.drop_params=True`",
            "400",
        ),
        "without reasoning_effort",
    ),
    # openrouter.ai/docs/api-reference/errors and limits, and issues
    Wording(
        "OpenRouter",
        402,
        _openai(
            "This request requires more credits, or fewer max_tokens. You requested up to 64000 "
            "tokens, but can only afford 3000.",
            402,
        ),
        "balance",
    ),
    Wording(
        "OpenRouter",
        429,
        {
            "error": {
                "message": "Provider returned error",
                "code": 429,
                "metadata": {"raw": "x/y:free is temporarily rate-limited upstream. Please retry."},
            }
        },
        "busy",
    ),
    Wording(
        "OpenRouter",
        429,
        _openai(
            "Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model "
            "requests per day",
            429,
        ),
        "busy",
    ),
    Wording(
        "OpenRouter",
        404,
        _openai(
            "No endpoints found matching your data policy (Free model publication). Configure: "
            "https://openrouter.ai/settings/privacy",
            404,
        ),
        "model",
    ),
    Wording(
        "OpenRouter",
        404,
        _openai("No allowed providers are available for the selected model.", 404),
        "model",
    ),
    Wording("OpenRouter", 401, _openai("No auth credentials found", 401), "key"),
    Wording(
        "OpenRouter",
        400,
        _openai("Reasoning is mandatory for this endpoint and cannot be disabled.", 400),
        "without reasoning_effort",
    ),
    Wording(
        "OpenRouter",
        403,
        {
            "error": {
                "code": 403,
                "message": "openai/x requires moderation on OpenInference. Your input was flagged "
                'for "violence". No credits were charged.',
                "metadata": {"reasons": ["violence"], "flagged_input": "..."},
            }
        },
        "policy",
    ),
    Wording("OpenRouter", 502, _openai("Provider returned error", 502), "busy"),
    Wording(
        "OpenRouter",
        400,
        _openai(
            "This endpoint's maximum context length is 163840 tokens. However, you requested "
            "about 200000 tokens (190000 of text input, 10000 in the output). Please reduce the "
            'length of either one, or use the "middle-out" transform to compress your prompt.',
            400,
        ),
        "window 163,840 tokens",
    ),
    # console.groq.com/docs/errors, and issues
    Wording(
        "Groq",
        413,
        _openai(
            "Request too large for model `x` in organization `org_1` on tokens per minute (TPM): "
            "Limit 6000, Requested 9000, please reduce your message size and try again.",
            "rate_limit_exceeded",
            "tokens",
        ),
        "window 6,000 tokens",
    ),
    Wording(
        "Groq",
        429,
        _openai(
            "Rate limit reached for model `x` on tokens per day (TPD): Limit 100000, Used 99000, "
            "Requested 2000. Please try again in 14m24s. Need more tokens? Upgrade to Dev Tier "
            "today at https://console.groq.com/settings/billing",
            "rate_limit_exceeded",
            "tokens",
        ),
        "busy",
    ),
    Wording("Groq", 498, _openai("Flex tier capacity exceeded", "capacity_exceeded"), "busy"),
    Wording(
        "Groq",
        400,
        _openai("The model `x` has been decommissioned and is no longer supported."),
        "model",
    ),
    Wording(
        "Groq",
        400,
        _openai("`max_tokens` must be less than or equal to `4096`, the maximum value", "x"),
        "at most 4,096 written",
    ),
    # docs.together.ai/docs/error-codes
    Wording(
        "Together",
        422,
        _openai("Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4097."),
        "window 4,097 tokens",
    ),
    Wording(
        "Together",
        400,
        _openai("Unable to access model x. Please visit https://api.together.ai/models", "x"),
        "model",
    ),
    Wording(
        "Together",
        402,
        _openai("Credit limit exceeded, please navigate to billing", "credit_limit"),
        "balance",
    ),
    # docs.fireworks.ai
    Wording(
        "Fireworks",
        400,
        _openai("The prompt is too long: 9000, model maximum context length: 8191"),
        "window 8,191 tokens",
    ),
    Wording(
        "Fireworks",
        412,
        _openai("Account x is suspended, possibly due to reaching the monthly spending limit"),
        "balance",
    ),
    Wording(
        "Fireworks",
        404,
        _openai("Model not found, inaccessible, and/or not deployed", "NOT_FOUND"),
        "model",
    ),
    # docs.cohere.com/reference/errors
    Wording(
        "Cohere",
        400,
        {"message": "too many tokens: total number of tokens in the prompt cannot exceed 4081"},
        "window 4,081 tokens",
    ),
    Wording("Cohere", 401, {"message": "invalid api token"}, "key"),
    Wording(
        "Cohere",
        429,
        {"message": "You are using a Trial key, which is limited to 10 API calls / minute."},
        "busy",
    ),
    Wording(
        "Cohere", 404, {"message": "model 'x' not found, make sure the name is right"}, "model"
    ),
    # docs.mistral.ai
    Wording(
        "Mistral",
        400,
        {"object": "error", "message": "Invalid model: x", "type": "invalid_model", "code": "1500"},
        "model",
    ),
    Wording("Mistral", 401, {"message": "Unauthorized", "request_id": "1"}, "key"),
    Wording(
        "Mistral",
        429,
        {
            "object": "error",
            "message": "Service tier capacity exceeded for this model.",
            "code": "3505",
        },
        "busy",
    ),
    Wording(
        "Mistral",
        400,
        {
            "object": "error",
            "message": "Expected last role User or Tool (or Assistant with prefix True) for "
            "serving but got assistant",
            "type": "invalid_request_message_order",
            "code": "3230",
        },
        "request",
    ),
    # docs.x.ai
    Wording(
        "xAI",
        403,
        {
            "code": "The caller does not have permission",
            "error": "Your newly created team doesn't have any credits yet. You can purchase "
            "credits on https://console.x.ai.",
        },
        "balance",
    ),
    Wording(
        "xAI",
        400,
        {
            "code": "Client specified an invalid argument",
            "error": "Incorrect API key provided: xa***12. You can obtain an API key from x.ai.",
        },
        "key",
    ),
    Wording(
        "xAI",
        404,
        {
            "code": "Some requested entity was not found",
            "error": "The model grok-9 does not exist or your team does not have access to it.",
        },
        "model",
    ),
    Wording(
        "xAI",
        400,
        {
            "code": "Client specified an invalid argument",
            "error": "Argument not supported on this model: stop",
        },
        "request",
    ),
    # ai.google.dev/gemini-api/docs/troubleshooting
    Wording(
        "Gemini",
        503,
        [{"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}],
        "busy",
    ),
    Wording(
        "Gemini",
        429,
        [
            {
                "error": {
                    "code": 429,
                    "message": "You exceeded your current quota, please check your plan and "
                    "billing details. * Quota exceeded for metric: generate_content_free_tier_"
                    "requests, limit: 10 Please retry in 33s.",
                    "status": "RESOURCE_EXHAUSTED",
                }
            }
        ],
        "busy",
    ),
    Wording(
        "Gemini",
        404,
        [
            {
                "error": {
                    "code": 404,
                    "message": "models/x is not found for API version v1main, or is not supported "
                    "for generateContent. Call ListModels to see the list of available models",
                    "status": "NOT_FOUND",
                }
            }
        ],
        "model",
    ),
    Wording(
        "Gemini",
        400,
        [
            {
                "error": {
                    "code": 400,
                    "message": "User location is not supported for the API use.",
                    "status": "FAILED_PRECONDITION",
                }
            }
        ],
        "key",
    ),
    Wording(
        "Gemini",
        400,
        [
            {
                "error": {
                    "code": 400,
                    "message": "Budget 0 is invalid. This model only works in thinking mode.",
                    "status": "INVALID_ARGUMENT",
                }
            }
        ],
        "without reasoning_effort",
    ),
    # docs.anthropic.com/en/api/errors
    Wording(
        "Anthropic",
        404,
        {"type": "error", "error": {"type": "not_found_error", "message": "model: claude-x"}},
        "model",
    ),
    Wording(
        "Anthropic",
        400,
        {
            "type": "error",
            "error": {
                "type": "invalid_request_error",
                "message": "input length and `max_tokens` exceed context limit: 195000 + 8192 > "
                "200000, decrease input length or `max_tokens` and try again",
            },
        },
        "window 200,000 tokens",
    ),
    Wording(
        "Anthropic",
        400,
        {
            "type": "error",
            "error": {
                "type": "invalid_request_error",
                "message": "You have reached your specified API usage limits. You will regain "
                "access on 2026-12-01 at 00:00 UTC.",
            },
        },
        "balance",
    ),
    Wording(
        "Anthropic",
        400,
        {
            "type": "error",
            "error": {
                "type": "invalid_request_error",
                "message": "Output blocked by content filtering policy",
            },
        },
        "policy",
    ),
    # platform.moonshot.ai, open.bigmodel.cn, platform.minimaxi.com, docs.siliconflow.cn
    Wording(
        "Moonshot",
        400,
        _openai("Invalid request: Your request exceeded model token limit: 8192"),
        "window 8,192 tokens",
    ),
    Wording(
        "Moonshot",
        400,
        _openai(
            "The request was rejected because it was considered high risk", kind="content_filter"
        ),
        "policy",
    ),
    Wording(
        "Moonshot",
        429,
        _openai(
            "Your account request reached max concurrency: 1, please try again after 1 seconds"
        ),
        "busy",
    ),
    Wording("Zhipu", 429, {"error": {"code": "1302", "message": "您的账户已达到速率限制"}}, "busy"),
    Wording("Zhipu", 429, {"error": {"code": "1113", "message": "您的账户已欠费"}}, "balance"),
    Wording(
        "Zhipu",
        400,
        {"error": {"code": "1211", "message": "模型不存在，请检查模型代码。"}},
        "model",
    ),
    Wording("Zhipu", 400, {"error": {"code": "1261", "message": "Prompt 超长"}}, "window ?"),
    Wording(
        "MiniMax",
        200,
        {"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}},
        "balance",
    ),
    Wording(
        "MiniMax",
        200,
        {"base_resp": {"status_code": 1002, "status_msg": "rate limit"}},
        "busy",
    ),
    Wording(
        "SiliconFlow",
        400,
        {
            "code": 20012,
            "message": "Model does not exist. Please check it carefully.",
            "data": None,
        },
        "model",
    ),
    Wording(
        "SiliconFlow",
        403,
        {"code": 30001, "message": "Sorry, your account balance is insufficient", "data": None},
        "balance",
    ),
    Wording("SiliconFlow", 401, b'"Invalid token"', "key"),
    Wording(
        "Qwen",
        400,
        _openai("Access denied, please make sure your account is in good standing.", "Arrearage"),
        "balance",
    ),
    Wording(
        "Qwen",
        400,
        _openai(
            "<400> InternalError.Algo.InvalidParameter: Range of max_tokens should be [1, 8192]",
            "invalid_parameter_error",
        ),
        "at most 8,192 written",
    ),
    Wording("Qwen", 403, _openai("Access to model denied.", "Model.AccessDenied"), "model"),
    Wording(
        "Qwen",
        403,
        _openai("The free tier of the model has been exhausted.", "AllocationQuota.FreeTierOnly"),
        "balance",
    ),
    # github.com/songquanpeng/one-api and its forks
    Wording(
        "one-api",
        403,
        _openai("用户额度不足, 剩余额度: ＄0.000000", "insufficient_user_quota", "new_api_error"),
        "balance",
    ),
    Wording(
        "one-api",
        503,
        _openai("当前分组 default 下对于模型 gpt-9 无可用渠道", "model_not_found", "new_api_error"),
        "model",
    ),
    Wording("one-api", 401, _openai("无效的令牌", "", "new_api_error"), "key"),
    Wording(
        "one-api", 429, _openai("当前分组上游负载已饱和，请稍后再试", kind="new_api_error"), "busy"
    ),
    # docs.api.nvidia.com, inference-docs.cerebras.ai, docs.sambanova.ai, developers.cloudflare.com
    Wording(
        "NVIDIA",
        404,
        {"status": 404, "title": "Not Found", "detail": "Function 'x': Not found for account 'y'"},
        "model",
    ),
    Wording(
        "NVIDIA", 402, {"status": 402, "detail": "Account 'x': Cloud credits expired"}, "balance"
    ),
    Wording(
        "Cerebras",
        400,
        {
            "message": "Please reduce the length of the messages or completion. Current length is "
            "9000 while limit is 8192",
            "type": "invalid_request_error",
            "param": "messages",
            "code": "context_length_exceeded",
        },
        "window 8,192 tokens",
    ),
    Wording(
        "Cerebras",
        429,
        {
            "message": "We're experiencing high traffic right now! Please try again soon.",
            "type": "too_many_requests_error",
            "code": "queue_exceeded",
        },
        "busy",
    ),
    Wording(
        "Cloudflare", 400, {"errors": [{"code": 5007, "message": "No such model @cf/x"}]}, "model"
    ),
    Wording(
        "Cloudflare",
        401,
        {"success": False, "errors": [{"code": 10000, "message": "Authentication error"}]},
        "key",
    ),
    Wording(
        "Cloudflare",
        413,
        {
            "errors": [
                {
                    "code": 5021,
                    "message": "The estimated number of input and maximum output "
                    "tokens (9000) exceeded this model context window limit (7968).",
                }
            ]
        },
        "window 7,968 tokens",
    ),
    Wording("a proxy", 504, b"<html>504 Gateway Time-out</html>", "busy"),
    Wording("a proxy", 404, b"<html>404 Not Found</html>", "model"),
    Wording("a proxy", 413, b"<html>413 Request Entity Too Large</html>", "window ?"),
)
