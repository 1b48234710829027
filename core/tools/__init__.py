"""Tools that a model may call, and their registry."""
