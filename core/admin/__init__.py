"""The operator's page: what the bot does now, what it did, and changing that."""
