"""The demo model: an OpenAI-compatible server on loopback, so that the default run is a real one."""
