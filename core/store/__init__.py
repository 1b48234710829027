"""State in Redis: the only room that knows keys, scripts and connections."""
