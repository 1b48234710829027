"""The way out: what is read from elsewhere, how much of it, and by which road."""
