"""The demo model: an OpenAI-compatible server on loopback. Palaver calls it as any other."""
