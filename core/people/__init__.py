"""People: who may ask the bot, when a message is meant for it, and how it speaks to them."""
