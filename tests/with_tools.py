"""`palaver` with the tools of `tests/servers/tools.py` too. `TOOLS_AT` is their server."""

import os

from bots.cli import main
from core.tools import built_in
from tests.servers.tools import EFFECTS, ServedTool

for name in EFFECTS:
    built_in.BUILT_IN[name] = lambda name=name: ServedTool(os.environ["TOOLS_AT"], name)

main()
