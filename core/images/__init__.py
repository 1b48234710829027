"""Painting pictures: the image APIs' client, and the pictures' bytes."""
