"""An MCP server whose effects are lines of a file, so that nobody who calls it counts them.

    python effects.py FILE

It is written without the SDK, like `tests.servers.mcp`, and speaks the same handshake. Each call
leaves two lines: that it came, and, a moment later, that it did what it was told. Who is killed in
between has had an effect, or not.
"""

import json
import os
import random
import sys
import time
from pathlib import Path

KINDS = ("read", "repeat", "effects")
EFFECTS = {"look": "read", "set": "repeat", "make": "effects", "order": "effects"}
"""The tools by what they do; `order` is one that asks first."""
SCHEMA = {
    "type": "object",
    "properties": {"what": {"type": "string"}},
    "required": ["what"],
}
# modelcontextprotocol.io/specification/2025-06-18/schema#toolannotations
CLOSED = {"openWorldHint": False}
TOOLS = [
    {"name": name, "description": f"Does {name}.", "inputSchema": SCHEMA, "annotations": CLOSED}
    for name in EFFECTS
]
PAUSE_S = 0.08


def entry(file, *more):
    """Lines of `palaver.toml` for this server, with the name `tools`, and *more* lines for it."""
    command = [sys.executable, str(Path(__file__)), str(file)]
    named = {kind: [name for name, is_ in EFFECTS.items() if is_ == kind] for kind in KINDS}
    lists = (f"{kind} = {json.dumps(named[kind])}" for kind in ("read", "repeat"))
    head = f'[[tools.server]]\nname = "tools"\ncommand = {json.dumps(command)}'
    return "\n".join((head, 'allow = ["*"]', "trust = true", *lists, *more))


def done(file):
    """How often each thing was done, with which keys, by (tool, what); as *file* says."""
    did = {}
    for line in file.read_text().splitlines() if file.exists() else ():
        moment, tool, what, key, _ = json.loads(line)
        if moment == "done":
            did.setdefault((tool, what), []).append(key)
    return did


def say(number, result):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": number, "result": result}) + "\n")
    sys.stdout.flush()


def answer(file, request):
    method, params = request["method"], request.get("params") or {}
    if method == "initialize":
        known = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}}
        return {**known, "serverInfo": {"name": "effects", "version": "1"}}
    if method == "tools/list":
        return {"tools": TOOLS}
    if method == "tools/call":
        name, what = params["name"], params["arguments"]["what"]
        key = (params.get("_meta") or {}).get("palaver/key", "")
        for moment in ("called", "done"):
            time.sleep(random.uniform(0, PAUSE_S))
            line = json.dumps([moment, name, what, key, os.environ.get("REPLICA", "")])
            # One write to the end of the file: lines of several processes do not mix.
            os.write(file, line.encode() + b"\n")
        time.sleep(random.uniform(0, PAUSE_S))
        return {"content": [{"type": "text", "text": f"{name} {what}"}]}
    return {}


def main(path):
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for line in sys.stdin:
        request = json.loads(line)
        if "id" in request and "method" in request:
            say(request["id"], answer(file, request))


if __name__ == "__main__":
    main(sys.argv[1])
