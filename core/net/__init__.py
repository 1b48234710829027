"""Requests to the outside: which proxy they take, where they may lead, how much is read."""
