"""The shared core: what Palaver does, on no platform in particular."""

__version__ = "0.2.0"
