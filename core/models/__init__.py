"""Talking to chat models: the stream's decoding, the client, and the demo model."""
