"""What the page carries of others is what their authors published."""

import hashlib
from pathlib import Path

VENDORED = Path(__file__).parents[2] / "bots/web/page/vendor"


def test_vendored_files_are_those_that_were_looked_at():
    told = dict(
        reversed(line.split("  ")) for line in (VENDORED / "SHA256SUMS").read_text().splitlines()
    )
    found = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in VENDORED.iterdir()
        if file.suffix in (".js", ".css", ".woff2")
    }
    assert found == told
