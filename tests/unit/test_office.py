"""Documents as text: what a reader sees, and nothing of what moves the page."""

import io
import zipfile

from core.turn.office import READERS


def read(kind, data):
    return "".join(READERS[kind](data))


def archive(**files):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        for name, text in files.items():
            zipped.writestr(name.replace("__", "/"), text)
    return file.getvalue()


def test_scripts_and_styles_are_no_words():
    page = (
        b"<html><head><title>T</title><script>var bad=1;</script><style>p{color:red}</style></head>"
        b"<body><p>Hello <b>you</b></p><noscript>off</noscript>"
        b"<svg><text>x</text></svg></body></html>"
    )
    text = read("html", page)
    assert "Hello **you**" in text
    assert not any(word in text for word in ("bad", "color", "off"))


def test_a_page_is_read_in_the_encoding_that_it_names():
    page = '<meta charset="gbk"><p>中文的内容</p>'.encode("gbk")
    assert "中文的内容" in read("html", page)


def test_a_books_chapters_are_found_wherever_they_stand():
    book = archive(
        **{
            "META-INF__container.xml": '<c><rootfile full-path="O/p.opf"/></c>',
            "O__p.opf": (
                '<package xmlns="http://www.idpf.org/2007/opf"><manifest>'
                '<item id="a" href="ch%201.xhtml"/><item id="b" href="../t/two.xhtml"/></manifest>'
                '<spine><itemref idref="a"/><itemref idref="b"/></spine></package>'
            ),
            "O__ch 1.xhtml": "<p>First</p>",
            "t__two.xhtml": "<p>Second</p>",
        }
    )
    text = read("epub", book)
    assert text.index("First") < text.index("Second")


def test_a_documents_words_and_heading_are_kept():
    document = archive(
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
                '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
                "<w:body><w:p><w:r><w:t>A &lt;script&gt; of words</w:t></w:r></w:p></w:body>"
                "</w:document>"
            ),
        }
    )
    assert "A <script> of words" in read("docx", document).replace("\\", "")
