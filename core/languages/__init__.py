"""What Palaver itself says, and in which language. One file a language: `<tag>.json`."""
