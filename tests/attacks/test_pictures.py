"""Pictures and documents that strangers send: bounded in memory, time and number; and named."""

import asyncio
import io
import os
import signal
import struct
import subprocess
import sys
import threading
import tracemalloc
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.images.kinds import kind_of, pixels_of
from core.images.pictures import MOST_PIXELS, SEEN_PIXELS, Pictures
from core.sandbox.run import Bounds, Child, Sandbox
from core.semaphore import Weighted
from core.turn.plain_text import text_of_bytes
from tests.attacks.watching import watched
from tests.contracts.drivers import TelegramDriver, driving
from tests.harness import until


def encoded(image, kind, **more):
    file = io.BytesIO()
    image.save(file, kind, **more)
    return file.getvalue()


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width, height, colour=2, rows=None, extra=b""):
    """A PNG of zeros, made without holding its pixels; *rows* of them, or all."""
    channels = {0: 1, 2: 3, 3: 1, 6: 4}[colour]
    squeeze = zlib.compressobj(9)
    rows = height if rows is None else rows
    line = b"\0" * (1 + width * channels) if rows else b""
    pixels = b"".join(squeeze.compress(line) for _ in range(rows))
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    palette = chunk(b"PLTE", b"\0\0\0\xff\xff\xff") if colour == 3 else b""
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + extra
        + palette
        + chunk(b"IDAT", pixels + squeeze.flush())
        + chunk(b"IEND", b"")
    )


@pytest.fixture
def pictures():
    return Pictures(Sandbox())


def opened(picture):
    return Image.open(io.BytesIO(picture.data))


GOLD = Image.new("RGB", (3_000, 1_000), "gold")


@pytest.mark.parametrize(
    ("data", "mime"),
    [
        (encoded(GOLD, "PNG"), "image/jpeg"),
        (encoded(GOLD, "JPEG"), "image/jpeg"),
        (encoded(GOLD, "WEBP"), "image/jpeg"),
        (encoded(GOLD, "BMP"), "image/jpeg"),
        (encoded(GOLD, "TIFF"), "image/jpeg"),
        (encoded(GOLD, "AVIF"), "image/jpeg"),
        (encoded(GOLD, "GIF"), "image/png"),
        (encoded(GOLD.convert("CMYK"), "JPEG"), "image/jpeg"),
        (encoded(GOLD.convert("CMYK"), "TIFF"), "image/jpeg"),
        (encoded(GOLD.convert("RGBA"), "PNG"), "image/png"),
        (encoded(GOLD.convert("LA"), "PNG"), "image/png"),
        (encoded(Image.new("1", (3_000, 1_000)), "TIFF"), "image/png"),
        (encoded(GOLD.convert("F"), "TIFF"), "image/jpeg"),
        (encoded(Image.new("I;16", (2_000, 9), 60_000), "PNG"), "image/jpeg"),
        (encoded(Image.new("RGBA", (64, 64)), "ICO"), "image/png"),
    ],
    ids=range(15),
)
async def test_every_usual_kind_becomes_one_that_models_take(pictures, data, mime):
    seen = await pictures.for_model(data)
    assert seen.mime == mime
    image = opened(seen)
    assert max(image.size) <= SEEN_PIXELS
    assert image.mode == "RGB"


async def test_deep_grey_stays_grey(pictures):
    data = encoded(Image.new("I;16", (50, 50), 32_768), "PNG")
    assert opened(await pictures.for_model(data)).getpixel((9, 9))[0] in range(125, 132)


async def test_what_shines_through_is_white(pictures):
    data = encoded(Image.new("RGBA", (50, 50), (0, 0, 0, 0)), "PNG")
    assert opened(await pictures.for_model(data)).getpixel((9, 9)) == (255, 255, 255)


async def test_a_picture_is_turned_upright_and_tells_nothing_of_where_it_was_made(pictures):
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "at home"
    seen = await pictures.for_model(encoded(GOLD, "JPEG", exif=exif))
    image = opened(seen)
    assert image.height > image.width
    assert b"at home" not in seen.data


@pytest.mark.parametrize("orientation", [0, 9, 65_535, "x", b"\xff" * 60_000])
async def test_a_rotation_that_makes_no_sense_is_none(pictures, orientation):
    exif = Image.Exif()
    exif[0x0112 if isinstance(orientation, int) else 0x010E] = orientation
    assert await pictures.for_model(encoded(GOLD, "JPEG", exif=exif))


LARGE = {
    "60,000 squared": png(60_000, 60_000, rows=1),
    "one line of a billion": png(10**9, 1, colour=0, rows=0),
    "one column of a billion": png(1, 10**9, rows=0),
    "no end": png(2**31 - 1, 2**31 - 1, rows=0),
    "a GIF of 65535 squared": b"GIF89a"
    + struct.pack("<HH", 65_535, 65_535)
    + b"\0\0\0"
    + b"," * 99,
    "a BMP of two billion": b"BM"
    + b"\0" * 16
    + struct.pack("<ii", 2**31 - 1, -(2**31))
    + b"\0" * 99,
    "a canvas of 16 million squared": b"RIFF\xff\xff\xff\0WEBPVP8X\x0a\0\0\0\0\0\0\0"
    + b"\xff" * 99,
}


@pytest.mark.parametrize("what", LARGE)
async def test_what_is_too_large_is_said_by_its_header(pictures, what):
    tracemalloc.start()
    with pytest.raises(ValueError, match="million"):
        await pictures.for_model(LARGE[what])
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def frames(count, kind):
    some = [Image.new("P", (500, 500), number % 200) for number in range(count)]
    return encoded(some[0], kind, save_all=True, append_images=some[1:])


BROKEN = {
    "cut": encoded(GOLD, "PNG")[:900],
    "a cut JPEG": encoded(GOLD, "JPEG")[:300],
    "a header alone": b"\x89PNG\r\n\x1a\n",
    "a huge TIFF": b"II*\0\x08\0\0\0" + struct.pack("<H", 65_535) + b"\xff" * 50_000,
    "a TIFF in a circle": b"II*\0\x08\0\0\0\0\0\x08\0\0\0",
    "an empty WebP": b"RIFF\0\0\0\0WEBP",
    "an AVIF of nothing": b"\0\0\0\x20ftypavif" + b"\0" * 500,
    "no picture": b"hello",
    "nothing": b"",
    "HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "SVG": b"<?xml version='1.0'?><svg xmlns='x'><script>1</script></svg>",
}


@pytest.mark.parametrize("what", BROKEN)
async def test_what_cannot_be_seen_says_why_in_a_sentence(pictures, what):
    with pytest.raises(ValueError, match=r"^it .{5,150}$"):
        await pictures.for_model(BROKEN[what])


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF"])
async def test_of_many_frames_the_first_is_seen(pictures, kind):
    assert opened(await pictures.for_model(frames(200, kind))).size == (500, 500)


async def test_a_colour_profile_that_unpacks_to_a_gigabyte_is_not_unpacked(pictures):
    profile = zlib.compress(b"\0" * 200_000_000, 9)
    data = png(50, 50, extra=chunk(b"iCCP", b"x\0\0" + profile))
    try:
        assert (await pictures.for_model(data)).data
    except ValueError as error:
        assert "it is" in str(error)


@given(st.binary(max_size=200), st.sampled_from(list(BROKEN.values())))
@settings(max_examples=600)
def test_any_bytes_are_of_some_kind_or_of_none(tail, begun):
    for data in (tail, begun[:16] + tail):
        kind_of(data)
        assert (pixels_of(data) or 0) >= 0


# Many at once, through the running program.


@pytest.mark.timeout(180)
async def test_six_people_send_the_largest_picture_at_once(server, model, replica):
    data = png(8_000, 8_000)
    assert len(data) < 400_000
    assert MOST_PIXELS >= 8_000 * 8_000
    people = range(101, 107)
    async with watched(replica, warm=False) as app:
        for person in people:
            server.add_private(person)
            server.add_file(f"f{person}", data)
            photo = [{"file_id": f"f{person}", "file_unique_id": "u", "width": 9, "height": 9}]
            server.say(person, "", photo=photo, caption="what is it?")
        children = 0

        def seen():
            nonlocal children
            children = max(children, children_mb(app.process.pid))
            return all("(1 pictures)" in str(server.posts(person)) for person in people)

        await until(seen, 120)
        assert app.unharmed()
        assert 0 < children < 400 - app.peak_mb


def sandboxes(parent):
    """The status files' words of the sandboxes of the process *parent*."""
    for task in Path("/proc").iterdir():
        with suppress(OSError):
            if task.name.isdigit() and b"sandbox/child.py" in (task / "cmdline").read_bytes():
                status = dict(
                    line.split(":", 1) for line in (task / "status").read_text().splitlines()
                )
                if int(status["PPid"]) == parent:
                    yield status


def children_mb(parent):
    return sum(int(one.get("VmRSS", "0 kB").split()[0]) // 1024 for one in sandboxes(parent))


@pytest.mark.parametrize("what", ["60,000 squared", "HEIC", "cut"])
async def test_a_picture_that_cannot_be_seen_is_named_to_the_model(what, tmp_path, model):
    driver = TelegramDriver()
    async with driving(driver, tmp_path, model):
        driver.server.add_file("f1", (LARGE | BROKEN)[what])
        photo = [{"file_id": "f1", "file_unique_id": "u", "width": 80, "height": 60}]
        driver.server.say(77, "", photo=photo, caption="what is it?")
        await until(lambda: model.requests)
    assert "could not be read: it " in str(model.requests[0]["messages"])


# The process.


@pytest.fixture
def jobs(tmp_path, monkeypatch):
    (tmp_path / "jobs.py").write_text(
        """
import os, socket, time, json

def environment(data):
    yield json.dumps({
        "env": dict(os.environ),
        "fds": [fd for fd in range(3, 64) if is_open(fd)],
        "argv": open("/proc/self/cmdline").read().count("secret"),
    })

def is_open(fd):
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True

def network(data, port):
    with socket.create_connection(("127.0.0.1", int(port)), 2) as connection:
        yield "connected"

def endless(data):
    while True:
        yield "a" * 10_000

def spins(data):
    while True:
        pass

def sleeps(data):
    time.sleep(100)
    yield ""

def grows(data):
    yield str(len(bytearray(3 << 30)))

def writes(data):
    os.write(os.open("never-written", os.O_CREAT | os.O_WRONLY), b"a" * 10)
    yield "written"

def deaf(data):
    yield "heard nothing"

def breaks(data):
    os.kill(os.getpid(), 11)
    yield ""

def says(data):
    raise ValueError("it is sad\\n" * 100)

def fails(data):
    raise KeyError("secret inside")
    yield ""
"""
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("LLM_API_KEY", "secret")
    return Sandbox()


SHORT = Bounds(seconds=2, memory_bytes=1 << 29, output_bytes=100_000)


async def test_the_process_has_nothing_of_ours(jobs):
    here = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(here, True)
    found = await jobs.run("jobs:environment", b"")
    os.close(here)
    assert b"secret" not in found
    assert b'"argv": 0' in found
    assert b'"fds": []' in found


async def test_it_reaches_nobody_where_the_kernel_lets_it_go_without(jobs):
    probed = subprocess.run(
        [sys.executable, "-c", "import ctypes,sys;sys.exit(ctypes.CDLL(None).unshare(0x40000000))"],
        check=False,
    )
    if probed.returncode:
        pytest.skip("this kernel does not let us")
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        with pytest.raises(ValueError, match="broken"):
            await jobs.run("jobs:network", b"", server.sockets[0].getsockname()[1])


@pytest.mark.parametrize(
    ("job", "why"),
    [
        ("spins", "too long"),
        ("sleeps", "too long"),
        ("grows", "memory"),
        ("writes", "broken|too long"),
        ("breaks", "too long"),
        ("says", "it is sad"),
        ("fails", "broken"),
    ],
)
async def test_what_breaks_a_bound_ends_that_process_alone(jobs, job, why):
    with pytest.raises(ValueError, match=why) as error:
        await jobs.run(f"jobs:{job}", b"", bounds=SHORT)
    assert "secret" not in str(error.value)


async def test_output_without_an_end_is_cut(jobs):
    assert len(await jobs.run("jobs:endless", b"", bounds=SHORT)) == 100_000


async def test_a_job_that_does_not_read_its_file_is_read(jobs):
    assert await jobs.run("jobs:deaf", b"a" * 10_000_000) == b"heard nothing"


async def test_who_is_cancelled_leaves_no_process(jobs):
    task = asyncio.create_task(jobs.run("jobs:sleeps", b""))
    await until(lambda: list(sandboxes(os.getpid())))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not list(sandboxes(os.getpid()))


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3), st.booleans()), max_size=12))
@settings(max_examples=200, deadline=None)
def test_never_more_is_held_than_there_is_and_all_comes_back(wanted):
    async def scene():
        shares, held, most = Weighted(10), 0, 0

        async def one(weight, rounds):
            nonlocal held, most
            async with shares.hold(weight):
                held += min(weight, 10)
                most = max(most, held)
                try:
                    for _ in range(rounds):
                        await asyncio.sleep(0)
                finally:
                    held -= min(weight, 10)

        tasks = []
        for weight, rounds, cancelled in wanted:
            tasks.append(asyncio.create_task(one(weight, rounds)))
            if cancelled:
                await asyncio.sleep(0)
                tasks[-1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with asyncio.timeout(1), shares.hold(10):
            return most

    assert asyncio.run(scene()) <= 10


# Texts.


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("héllo 你好".encode(), "héllo 你好"),
        ("héllo".encode("utf-8-sig"), "héllo"),
        ("héllo 你好".encode("utf-16"), "héllo 你好"),
        ("hello, world".encode("utf-16-le"), "hello, world"),
        ("hello, world".encode("utf-16-be"), "hello, world"),
        ("hello".encode("utf-32"), "hello"),
        ("你好，世界".encode("gbk"), "你好，世界"),
        ("caf\xe9 \x80".encode("latin-1"), "café €"),
        (b"", ""),
    ],
)
def test_text_is_read_in_the_encoding_that_it_has(data, text):
    assert text_of_bytes(data) == text


@pytest.mark.parametrize("data", [bytes(range(256)) * 9, b"PK\3\4" + os.urandom(2_000), b"\0" * 99])
def test_bytes_are_no_text(data):
    with pytest.raises(ValueError, match="no text"):
        text_of_bytes(data)


@given(st.binary(max_size=300))
@settings(max_examples=500)
def test_any_bytes_are_a_text_or_none(data):
    try:
        text_of_bytes(data).encode()
    except ValueError as error:
        assert "no text" in str(error)


# Documents.


def archive(**files):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for name, data in files.items():
            packed.writestr(name.replace("__", "/"), data)
    return file.getvalue()


def bomb(name, head, filler):
    """An archive whose one file is 900 MB, made in small pieces, and only when it is needed."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed,
        packed.open(name, "w") as inside,
    ):
        inside.write(head)
        for _ in range(900):
            inside.write(filler * 1_000_000)
    return file.getvalue()


SLIDE = "<p xmlns='http://schemas.openxmlformats.org/drawingml/2006/main'><r><t>{}</t></r></p>"
LAUGHS = "<!DOCTYPE a [<!ENTITY a0 'ha'>" + "".join(
    f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 12)
)
DOCUMENTS = {
    "a bomb.pptx": lambda: bomb("ppt/slides/slide1.xml", b"", b"a"),
    "a bomb.docx": lambda: bomb("word/document.xml", b"<a>", b" "),
    "a bomb.epub": lambda: bomb("META-INF/container.xml", b"", b" "),
    "laughs.pptx": archive(**{"ppt__slides__slide1.xml": f"{LAUGHS}]><a>&a11;</a>"}),
    "outside.pptx": archive(
        **{
            "ppt__slides__slide1.xml": "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"
            + SLIDE.format("&x;")
        }
    ),
    "deep.html": b"<div>" * 200_000,
    "broken.xlsx": b"PK\3\4" + b"\xff" * 1_000,
    "broken.xls": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\xff" * 5_000,
    "empty.docx": b"",
    "a cut.pdf": b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 1 0 R >>",
    "a circle.pdf": b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[2 0 R]/Count 9>>endobj\ntrailer<</Root 1 0 R>>",
    "a program.exe": b"MZ" + os.urandom(1_000),
    "many.zip": archive(**{f"{n}.txt": b"x" for n in range(1_000)}),
}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", DOCUMENTS)
async def test_a_document_that_means_harm_is_named_to_the_model(name, tmp_path, model):
    driver = TelegramDriver()
    async with driving(driver, tmp_path, model):
        data = DOCUMENTS[name]
        driver.server.add_file("f1", data() if callable(data) else data)
        document = {"file_id": "f1", "file_unique_id": "u", "file_name": name}
        driver.server.say(77, "", document=document, caption="what is it?")
        await until(lambda: model.requests, 60)
    asked = str(model.requests[0]["messages"])
    assert name in asked
    assert "could not be read: it" in asked or "cannot read" in asked
    assert "root:" not in asked


async def test_slides_are_read(tmp_path, model):
    driver = TelegramDriver()
    async with driving(driver, tmp_path, model):
        slides = archive(**{"ppt__slides__slide1.xml": SLIDE.format("the cat sat")})
        driver.server.add_file("f1", slides)
        document = {"file_id": "f1", "file_unique_id": "u", "file_name": "a.pptx"}
        driver.server.say(77, "", document=document, caption="what is it?")
        await until(lambda: model.requests)
    assert "the cat sat" in str(model.requests[0]["messages"])


async def test_who_is_cancelled_before_the_process_has_begun_leaves_none():
    child = Child([sys.executable, "-c", "import time; time.sleep(600)"])
    child.kill()
    code, found = await asyncio.to_thread(child.work, b"", 10)
    assert (code, found) == (-signal.SIGKILL, b"")


async def test_the_loop_does_not_stand_still_while_the_process_begins(jobs, monkeypatch):
    """A process is started by a thread, because uvloop would copy our page tables for it."""
    threads = []

    class Told(subprocess.Popen):
        def __init__(self, *arguments, **more):
            threads.append(threading.get_ident())
            super().__init__(*arguments, **more)

    monkeypatch.setattr(subprocess, "Popen", Told)
    assert b"argv" in await jobs.run("jobs:environment", b"")
    assert threads
    assert threading.get_ident() not in threads
