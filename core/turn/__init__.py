"""One turn: from the mail of one conversation to the commit."""
