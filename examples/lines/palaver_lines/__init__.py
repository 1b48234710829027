"""A chat of lines over TCP, as a platform of Palaver."""
