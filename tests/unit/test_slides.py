"""Presentations, as their parts name each other."""

import io
import zipfile

from core.sandbox.run import Sandbox

DRAWN = "http://schemas.openxmlformats.org/drawingml/2006/main"
SHOWN = "http://schemas.openxmlformats.org/presentationml/2006/main"
RELATED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def archive(files):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as one:
        for name, data in files.items():
            one.writestr(name, data)
    return made.getvalue()


def slide(text):
    return f"<p xmlns:a='{DRAWN}'><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p>"


def related(*parts):
    inner = "".join(
        f"<Relationship Id='{one}' Type='x/{kind}' Target='{target}'/>"
        for one, kind, target in parts
    )
    return f"<Relationships xmlns='x'>{inner}</Relationships>"


async def words(kind, data):
    return (await Sandbox().run(f"core.turn.office:{kind}", data)).decode()


async def test_slides_come_as_they_are_shown_each_with_its_notes():
    show = f"<x xmlns:p='{SHOWN}' xmlns:r='{RELATED}'><p:sldId r:id='r2'/><p:sldId r:id='r1'/></x>"
    files = {
        "ppt/presentation.xml": show,
        "ppt/_rels/presentation.xml.rels": related(
            ("r1", "slide", "slides/slide1.xml"), ("r2", "slide", "/ppt/slides/slide2.xml")
        ),
        "ppt/slides/slide1.xml": slide("LAST"),
        "ppt/slides/slide2.xml": slide("FIRST"),
        "ppt/slides/_rels/slide2.xml.rels": related(
            ("n", "notesSlide", "../notesSlides/notesSlide1.xml")
        ),
        "ppt/notesSlides/notesSlide1.xml": slide("NOTE"),
    }
    told = (await words("pptx", archive(files))).split()
    assert [one for one in told if one.isupper()] == ["FIRST", "NOTE", "LAST"]
