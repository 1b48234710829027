"""Telegram, on python-telegram-bot's `Bot`."""
