"""What comes with a question besides words, on each platform that carries it."""

import json

import pytest
from aiohttp import web

from tests.attacks.test_pictures import archive
from tests.contracts.drivers import SlackDriver, TelegramDriver, driving
from tests.harness import until
from tests.scenarios.test_telegram import png
from tests.servers import providers

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
DOCX = archive(
    **{
        "[Content_Types].xml": (
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Override PartName="/word/document.xml" ContentType="application/vnd.openxml'
            'formats-officedocument.wordprocessingml.document.main+xml"/></Types>'
        ),
        "_rels__.rels": (
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            '<Relationship Id="r" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
            'relationships/officeDocument" Target="word/document.xml"/></Relationships>'
        ),
        "word__document.xml": (
            f'<w:document xmlns:w="{WORD}"><w:body><w:p><w:r><w:t>Tea is green</w:t></w:r></w:p>'
            "</w:body></w:document>"
        ),
    }
)


class OnTelegram(TelegramDriver):
    async def send(self, name, mime, data):
        self.server.add_file("f", data)
        known = {"file_id": "f", "file_unique_id": "f", "mime_type": mime, "file_name": name}
        if mime.startswith("audio/"):
            self.server.say(77, "", voice=known | {"duration": 2})
        else:
            self.server.say(77, "", document=known, caption="what is it?")


class OnSlack(SlackDriver):
    async def send(self, name, mime, data):
        async def serve(request):
            # Slack sends files so; its sign-in page, not.
            headers = {"Content-Disposition": "attachment"}
            return web.Response(body=data, content_type=mime, headers=headers)

        self.server.file_handlers["F9"] = serve
        self.server.file_objects["F9"] = {
            "id": "F9",
            "name": name,
            "mimetype": mime,
            "mode": "hosted",
            "url_private": f"{self.server.url}/files/F9",
        }
        stub = {"id": "F9", "mode": "file_access", "file_access": "check_file_info"}
        self.server.say("D01", "what is it?", subtype="file_share", files=[stub])


@pytest.fixture(params=[OnTelegram, OnSlack], ids=lambda one: one.name)
def driver(request):
    return request.param()


async def asked(driver, model, *file):
    before = len(model.requests)
    await driver.send(*file)
    await until(lambda: len(model.requests) > before)
    return model.requests[-1]["messages"][-1]["content"]


@pytest.mark.parametrize(
    ("name", "mime", "data", "words"),
    [
        ("a.docx", "application/octet-stream", DOCX, "Tea is green"),
        ("a.html", "text/html", b"<h1>Tea</h1><script>x()</script>", "Tea"),
        ("a.csv", "text/csv", b"tea,green", "tea,green"),
    ],
)
async def test_a_document_is_read(name, mime, data, words, driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        assert words in str(await asked(driver, model, name, mime, data))


@pytest.mark.parametrize(
    ("name", "mime"), [("a.png", "image/png"), ("error.txt", "text/plain"), ("a.pdf", "")]
)
async def test_a_picture_is_seen_whatever_it_is_called(name, mime, driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        content = await asked(driver, model, name, mime, png())
    assert content[-1]["image_url"]["url"].startswith("data:image/")


@pytest.mark.parametrize("mime", ["audio/ogg", "audio/mpeg"])
async def test_a_model_that_hears_is_sent_the_sound(mime, driver, tmp_path, model):
    async with driving(driver, tmp_path, model, llm_hears=True):
        content = await asked(driver, model, "voice", mime, b"OggS voice")
    form = {"audio/ogg": "ogg", "audio/mpeg": "mp3"}[mime]
    assert content[-1] == {
        "type": "input_audio",
        "input_audio": {"data": "T2dnUyB2b2ljZQ==", "format": form},
    }


@pytest.mark.parametrize(
    ("status", "words"),
    [
        # platform.openai.com/docs/guides/audio
        (400, "Invalid value: 'ogg'. Supported values are: 'wav' and 'mp3'."),
        (404, "No endpoints found that support input audio"),
        # github.com/ggml-org/llama.cpp: tools/server
        (500, "audio input is not supported - hint: you may need to provide the mmproj"),
        (400, "unknown variant `input_audio`, expected `text` or `image_url`"),
        (400, "Invalid content type. image_url and input_audio are only supported by some models."),
    ],
)
async def test_a_model_that_does_not_hear_is_asked_without_and_not_sent_sounds_again(
    status, words, driver, tmp_path, model
):
    def deaf(body):
        if "input_audio" in json.dumps(body["messages"]):
            return providers.openai(words, status=status)
        return None

    model.strict = deaf
    async with driving(driver, tmp_path, model, llm_hears=True):
        for calls in (2, 1):
            before = len(model.requests)
            await driver.send("voice", "audio/ogg", b"OggS voice")
            await until(lambda at=before + calls: len(model.requests) >= at)
            assert "you cannot hear the voice message" in str(model.requests[-1]["messages"][-1])
            await until(lambda: not model.running_streams)
            assert len(model.requests) == before + calls


async def test_what_is_said_is_written_down_for_a_model_that_does_not_hear(driver, tmp_path, model):
    async with driving(driver, tmp_path, model, audio_model="whisper-1"):
        content = await asked(driver, model, "voice.ogg", "audio/ogg", b"OggS voice")
    assert "what is the time?" in content
    assert model.heard[0][2] == b"OggS voice"


async def test_a_voice_without_ears_is_named(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        assert "you cannot hear it" in await asked(
            driver, model, "voice.ogg", "audio/ogg", b"OggS voice"
        )
