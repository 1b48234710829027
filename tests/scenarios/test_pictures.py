"""Pictures: watched while they are painted, changed by a reply, painted again and larger."""

import asyncio
import io

import pytest
from aiohttp import web
from PIL import Image

from tests.contracts.drivers import DRIVERS, TelegramDriver, driving
from tests.harness import until
from tests.servers.model import painted, status

GPT = {"image_model": "gpt-image-2"}
GREY, RED, BLUE = (128, 128, 128), (178, 34, 34), (0, 0, 255)


def colour(data):
    with Image.open(io.BytesIO(data)) as image:
        return image.convert("RGB").getpixel((0, 0))


def png(name="gold"):
    file = io.BytesIO()
    Image.new("RGB", (80, 60), name).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def driver():
    return TelegramDriver()


async def pictures(driver):
    return [colour(data) for post in await driver.posts("dm") for data in post.pictures]


async def shown(driver, *colours):
    await until(lambda: _are(driver, list(colours)))


async def _are(driver, colours):
    return await pictures(driver) == colours


@pytest.mark.parametrize("name", ["telegram", "web"])
async def test_an_unfinished_picture_becomes_the_finished_one(name, tmp_path, model):
    driver = DRIVERS[name]()
    model.partial_images = asyncio.Semaphore(0)
    async with driving(driver, tmp_path, model, **GPT):
        await driver.say("dm", "/image a fox")
        await shown(driver, GREY)
        model.partial_images.release()
        model.partial_images.release()
        await shown(driver, RED)
        (post,) = await driver.posts("dm")
        assert post.commands == ("again", "another", "larger")
    assert model.image_requests[0]["partial_images"] == 2


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("/image a fox", {"image_model": "dall-e-3"}),
        ("/image a fox --n 2", GPT),
        ("/image a fox", GPT | {"image_previews": 0}),
    ],
)
async def test_unfinished_ones_are_asked_for_only_where_they_can_be_shown(
    driver, tmp_path, model, text, more
):
    async with driving(driver, tmp_path, model, **more):
        await driver.say("dm", text)
        await until(lambda: pictures(driver))
    assert "stream" not in model.image_requests[0]


async def test_a_stop_takes_the_unfinished_picture_away(driver, tmp_path, model):
    model.partial_images = asyncio.Semaphore(0)
    async with driving(driver, tmp_path, model, **GPT):
        await driver.say("dm", "/image a fox")
        await shown(driver, GREY)
        await driver.press("dm", "stop")
        (post,) = await until(lambda: _only_text(driver))
        assert "stopped" in post.text


async def _only_text(driver):
    posts = await driver.posts("dm")
    return posts if posts and not any(post.pictures for post in posts) else None


async def test_a_stream_that_fails_says_so_in_place_of_the_picture(driver, tmp_path, model):
    async def first_grey_then_an_error(request):
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        partial = {"type": "image_generation.partial_image"} | painted("64x64", "grey")
        await model.send(response, partial)
        await model.send(response, {"type": "error", "error": {"code": "content_policy_violation"}})
        return response

    model.image_faults.append(first_grey_then_an_error)
    async with driving(driver, tmp_path, model, **GPT):
        await driver.say("dm", "/image a fox")
        posts = await until(lambda: _only_text(driver))
        assert "content rules" in posts[0].text
        assert len(posts) == 1


async def test_a_killed_painting_finishes_in_the_post_of_its_unfinished_picture(
    server, model, replica
):
    model.partial_images = asyncio.Semaphore(0)
    first = replica(image_base_url=model.url, **GPT)
    server.say(77, "/image a fox")
    await until(lambda: server.posts(77))
    await asyncio.sleep(1.5)
    first.kill()
    model.partial_images = asyncio.Semaphore(100)
    replica(image_base_url=model.url, **GPT)
    await until(lambda: [post for post in server.posts(77) if "larger" in str(post.markup)])
    (post,) = server.posts(77)
    assert colour(post.photo) == RED


async def test_a_reply_to_a_picture_changes_it(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        await driver.say("dm", "/image a fox")
        await shown(driver, RED)
        (post,) = driver.server.posts(77)
        driver.server.say(77, "/image make it blue", reply_to=post.id)
        await shown(driver, RED, BLUE)
        ((fields, files),) = model.edits
        assert fields["prompt"] == "make it blue"
        assert colour(files[0])[0] > 150


async def test_a_picture_that_comes_with_the_command_is_changed(driver, tmp_path, model):
    async with driving(driver, tmp_path, model, **GPT):
        driver.server.add_file("f1", png())
        photo = [{"file_id": "f1", "file_unique_id": "u", "width": 80, "height": 60}]
        driver.server.say(77, "", photo=photo, caption="/image in blue --quality low")
        await shown(driver, RED)
        ((fields, files),) = model.edits
        assert fields["quality"] == "low"
        assert fields["stream"] == "true"
        assert len(files) == 1


async def test_a_painter_of_squares_gets_one_with_transparency(driver, tmp_path, model):
    """dall-e-2 refuses whatever is no square PNG with an alpha channel below 4 MB."""
    async with driving(driver, tmp_path, model, image_model="dall-e-2"):
        driver.server.add_file("f1", png())
        photo = [{"file_id": "f1", "file_unique_id": "u", "width": 80, "height": 60}]
        driver.server.say(77, "", photo=photo, caption="/image in blue")
        await until(lambda: model.edits)
        ((_, files),) = model.edits
        with Image.open(io.BytesIO(files[0])) as picture:
            assert (picture.format, picture.mode) == ("PNG", "RGBA")
            assert picture.width == picture.height


async def test_a_model_that_changes_no_pictures_is_not_asked_to(driver, tmp_path, model):
    async with driving(driver, tmp_path, model, image_model="dall-e-3"):
        driver.server.add_file("f1", png())
        photo = [{"file_id": "f1", "file_unique_id": "u", "width": 80, "height": 60}]
        driver.server.say(77, "", photo=photo, caption="/image in blue")
        (post,) = await driver.posted("dm", 1)
        assert "does not change" in post.text
    assert model.edits == []


async def test_what_is_no_picture_is_said(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        driver.server.add_file("f1", b"no picture at all")
        photo = [{"file_id": "f1", "file_unique_id": "u", "width": 80, "height": 60}]
        driver.server.say(77, "", photo=photo, caption="/image in blue")
        (post,) = await driver.posted("dm", 1)
        assert "could not read" in post.text


@pytest.mark.parametrize("name", DRIVERS)
async def test_again_another_and_larger_paint_the_last_picture_anew(name, tmp_path, model):
    driver = DRIVERS[name]()
    async with driving(driver, tmp_path, model, image_model="gpt-image-2", image_previews=0):
        await driver.say("dm", "/image a fox --size 1024x1024")
        for count, button in enumerate(("again", "another", "larger"), 1):
            await until(lambda count=count: _count(driver, count))
            await until(lambda button=button: _press(driver, button))
        await until(lambda: _count(driver, 4))
    first, again, another, larger = model.image_requests
    assert again == first
    assert another["prompt"].startswith("a fox (another version")
    assert another["size"] == "1024x1024"
    assert larger["size"] in ("1536x1024", "1024x1536")


async def _count(driver, count):
    return len(await pictures(driver)) >= count


async def _press(driver, button):
    if not any(button in post.commands for post in await driver.posts("dm")):
        return False
    await driver.press("dm", button)
    return True


async def test_the_largest_picture_has_no_button_for_a_larger_one(driver, tmp_path, model):
    async with driving(driver, tmp_path, model, image_model="dall-e-2"):
        await driver.say("dm", "/image a fox --size 1024x1024")
        await shown(driver, RED)
        (post,) = await driver.posts("dm")
        assert "larger" not in post.commands


async def test_an_image_api_that_is_away_is_tried_again_by_the_button(driver, tmp_path, model):
    model.image_faults += [status(400)]
    async with driving(driver, tmp_path, model):
        await driver.say("dm", "/image a fox")
        (post,) = await driver.posted("dm", 1)
        assert "again" in post.commands
        await driver.press("dm", "again")
        await shown(driver, RED)
