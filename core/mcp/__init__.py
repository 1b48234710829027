"""MCP servers, each served by a process of its own. Nothing here knows a turn."""
