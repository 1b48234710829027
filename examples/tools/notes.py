"""A small MCP server to try tools with: dice, and a list of notes.

Any MCP server is added in the same way, by a few lines of `palaver.toml`. It starts in an empty
folder, so its program and its files are named by whole paths:

    [[tools.server]]
    name = "notes"
    command = ["/srv/palaver/.venv/bin/python", "/srv/palaver/examples/tools/notes.py"]
    allow = ["*"]
    read = ["roll_dice", "list_notes"]
"""

import random

from mcp.server import MCPServer
from mcp_types import ToolAnnotations

server = MCPServer("notes")
notes: list[str] = []


@server.tool(annotations=ToolAnnotations(read_only_hint=True, open_world_hint=False))
def roll_dice(count: int = 1, sides: int = 6) -> str:
    """Roll dice. Returns what each shows, and the sum."""
    rolled = [random.randint(1, max(2, min(sides, 1_000))) for _ in range(max(1, min(count, 100)))]
    return f"{', '.join(map(str, rolled))} (sum {sum(rolled)})"


@server.tool(annotations=ToolAnnotations(read_only_hint=True, open_world_hint=False))
def list_notes() -> str:
    """List all notes."""
    return "\n".join(f"{number}. {note}" for number, note in enumerate(notes, 1)) or "No notes."


@server.tool(
    annotations=ToolAnnotations(
        destructive_hint=False, idempotent_hint=False, open_world_hint=False
    )
)
def add_note(text: str) -> str:
    """Add a note to the list that everybody shares."""
    notes.append(text[:500])
    del notes[:-100]
    return f"Added as number {len(notes)}."


if __name__ == "__main__":
    server.run()
