"""The live reply: when to update the screen, with what, on how many posts."""
