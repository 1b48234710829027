"""Which model of a list is asked where nobody chose one: one that one can talk with."""

import aiohttp
import pytest
from aiohttp import web

from core.errors import Refused
from core.models.model_list import first_model
from core.models.providers import Endpoint


@pytest.fixture
async def chosen(model):
    """What is chosen of a list."""

    async def choose(*models, whole=None):
        listed = [{"id": one} if isinstance(one, str) else one for one in models]

        async def handle(request):
            return web.json_response(whole if whole is not None else {"data": listed})

        model._models = handle
        async with model.running(), aiohttp.ClientSession() as session:
            return await first_model(session, Endpoint(model.url, "", ""))

    return choose


NO_CHAT = (
    # platform.openai.com/docs/models
    *("text-embedding-3-large", "text-embedding-ada-002", "whisper-1", "tts-1-hd", "dall-e-3"),
    *("gpt-image-1", "chatgpt-image-latest", "sora-2", "omni-moderation-latest", "davinci-002"),
    *("gpt-4o-transcribe", "gpt-4o-mini-tts", "gpt-realtime", "gpt-audio", "computer-use-preview"),
    *("babbage-002", "gpt-3.5-turbo-instruct", "o3-deep-research", "text-moderation-stable"),
    # docs.voyageai.com, jina.ai, docs.cohere.com, huggingface.co
    *("voyage-3-large", "voyage-code-3", "rerank-v3.5", "embed-v4.0", "jina-embeddings-v3"),
    *("jina-reranker-v2", "BAAI/bge-m3", "BAAI/bge-reranker-v2-m3", "intfloat/e5-mistral-7b"),
    *("thenlper/gte-large", "sentence-transformers/all-MiniLM-L6-v2", "nomic-embed-text:latest"),
    *("mxbai-embed-large", "snowflake-arctic-embed", "vidore/colpali-v1.3", "colbertv2"),
    *("openai/clip-vit-large", "google/siglip-so400m", "Qwen/Qwen3-Embedding-8B", "splade-v3"),
    # Pictures and films.
    *("sdxl", "stabilityai/sdxl-turbo", "sd3.5-large", "sd-1-5", "stable-diffusion-3", "sdxl-base"),
    *("black-forest-labs/FLUX.1-dev", "flux-schnell", "imagen-4.0-generate", "veo-3.0", "kling-v2"),
    *(
        "qwen-image-edit",
        "wan2.2-t2v",
        "wanx2.1",
        "cogview-4",
        "cogvideox-3",
        "kolors",
        "hidream-i1",
    ),
    *(
        "doubao-seedream-4-0",
        "seedance-1-pro",
        "ideogram-v3",
        "recraft-v3",
        "midjourney",
        "vidu-q1",
    ),
    *("gemini-2.5-flash-image", "nano-banana", "playground-v2.5", "kandinsky-3", "luma-ray2"),
    *("hailuo-02", "stable-video-diffusion", "hunyuan-video", "real-esrgan-upscaler", "sam-2"),
    # Sound.
    *("whisper-large-v3-turbo", "distil-whisper", "xtts-v2", "playai-tts", "kokoro-82m", "bark"),
    *("cosyvoice-speech", "paraformer-v2", "qwen3-asr-flash", "parakeet-tdt-0.6b", "wav2vec2"),
    *("lyria-002", "suno-v5", "musicgen-large", "nova-sonic", "gemini-2.5-flash-native-audio"),
    # What judges, sorts, reads pages; what has no chat.
    *("meta-llama/Llama-Guard-4-12B", "shieldgemma-9b", "llama-prompt-guard-2", "granite-guardian"),
    *(
        "gpt-oss-safeguard-20b",
        "Skywork-Reward-V2",
        "qwen2.5-math-prm",
        "mistral-moderation-latest",
    ),
    *("mistral-ocr-latest", "deepseek-ocr", "olmocr-7b", "got_ocr2", "aqa", "text-search-ada-doc"),
    *("deepseek-v3-base", "docling-layout", "toxicity-classifier"),
)
CHAT = (
    *(
        "gpt-5.1",
        "gpt-4o-mini",
        "chatgpt-4o-latest",
        "o4-mini",
        "claude-sonnet-4-5",
        "claude-opus-5",
    ),
    *(
        "gemini-2.5-pro",
        "models/gemini-3-flash",
        "gemma3:27b",
        "deepseek-chat",
        "deepseek-v4-flash",
    ),
    *(
        "qwen3:8b",
        "Qwen/Qwen3-VL-30B-A3B-Instruct",
        "qwen-omni-turbo",
        "qwq-32b",
        "kimi-k2-thinking",
    ),
    *(
        "meta-llama/Llama-3.3-70B-Instruct",
        "mistral-large-latest",
        "magistral-small",
        "voxtral-small",
    ),
    *("pixtral-12b", "command-a-03-2025", "c4ai-aya-vision-32b", "glm-4.6", "glm-4.5v", "abab6.5s"),
    *("MiniMax-M2", "ernie-4.5-turbo-128k", "hunyuan-turbos", "doubao-seed-1-6", "moonshot-v1-8k"),
    *("grok-4-fast", "sonar-pro", "nova-pro-v1", "jamba-large", "phi-4", "stablelm-2", "solar-pro"),
    *(
        "openai/gpt-oss-120b",
        "llama-3.1-nemotron-ultra",
        "granite3.3:8b",
        "internvl3-78b",
        "yi-large",
    ),
    *("LongCat-Flash-Chat", "step-3", "Seed-OSS-36B", "wizardlm2", "dolphin-mixtral", "smollm3"),
    *(
        "gpt-4o-search-preview",
        "databricks-claude",
        "my-assistant",
        "swan-7b",
        "flash-lite",
        "basel",
    ),
)


@pytest.mark.parametrize("name", NO_CHAT)
async def test_a_model_that_is_asked_for_something_else_is_passed_over(name, chosen):
    assert await chosen(name, "the-other") == "the-other"


@pytest.mark.parametrize("name", CHAT)
async def test_a_model_to_talk_with_is_taken(name, chosen):
    assert await chosen("voyage-3", name, "the-other") == name


YES = {"id": "whisper-like"}
NO = {"id": "a-name"}


@pytest.mark.parametrize(
    ("told", "chats"),
    [
        # docs.together.ai, lmstudio.ai, docs.venice.ai, novita.ai, developers.cloudflare.com
        ({"type": "chat"}, True),
        ({"type": "vlm"}, True),
        ({"type": "text"}, True),
        ({"model_type": "chat"}, True),
        ({"task": {"name": "Text Generation"}}, True),
        ({"task": "image-text-to-text"}, True),
        ({"type": "embeddings"}, False),
        ({"type": "rerank"}, False),
        ({"type": "tts"}, False),
        ({"type": "image"}, False),
        ({"task": {"name": "Text-to-Image"}}, False),
        ({"task": "automatic-speech-recognition"}, False),
        # docs.mistral.ai, docs.fireworks.ai, GitHub Copilot, Ollama
        ({"capabilities": {"completion_chat": True}}, True),
        ({"capabilities": {"completion_chat": False}}, False),
        ({"supports_chat": False}, False),
        ({"capabilities": {"type": "chat"}}, True),
        ({"capabilities": {"type": "embeddings"}}, False),
        ({"capabilities": ["completion", "tools"]}, True),
        ({"capabilities": ["embedding"]}, False),
        # openrouter.ai
        ({"architecture": {"output_modalities": ["text"]}}, True),
        ({"architecture": {"output_modalities": ["image"]}}, False),
        # docs.cohere.com, new-api, ai.google.dev
        ({"endpoints": ["chat", "summarize"]}, True),
        ({"endpoints": ["embed"]}, False),
        ({"supported_endpoint_types": ["anthropic", "openai"]}, True),
        ({"supported_endpoint_types": ["image-generation"]}, False),
        ({"supportedGenerationMethods": ["generateContent", "countTokens"]}, True),
        ({"supportedGenerationMethods": ["embedContent"]}, False),
        # console.groq.com
        ({"active": False}, False),
        ({"status": "deprecated"}, False),
    ],
)
async def test_what_the_list_says_comes_before_the_name(told, chats, chosen):
    asked = (YES if chats else NO) | told
    assert (await chosen(asked, "the-other") == asked["id"]) is chats


@pytest.mark.parametrize(
    "whole",
    [
        [{"id": "tts-1"}, {"id": "the-other"}],
        {"models": [{"name": "embed-v4", "endpoints": ["embed"]}, {"name": "the-other"}]},
        {"object": "list", "data": [{"id": None}, "x", 5, {"id": ""}, {"id": "the-other"}]},
        {"data": [{"id": "the-other", "capabilities": 5, "type": [], "architecture": "x"}]},
    ],
)
async def test_a_list_of_any_form_is_read(whole, chosen):
    assert await chosen(whole=whole) == "the-other"


async def test_where_none_is_to_talk_with_it_is_said(chosen):
    with pytest.raises(Refused, match="none of them to talk with"):
        await chosen("voyage-3", "sdxl", "whisper-1")
