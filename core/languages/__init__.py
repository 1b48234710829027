"""Palaver's own sentences, in one file for each language: `<tag>.json`."""
