"""Times as people say them, and times that come again."""
