"""Chat models: the client, the decoding of streams, the ways of each model, the demo."""
