"""Pictures: the client of image APIs, and the checks of the bytes that come back."""
