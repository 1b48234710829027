"""People: who may ask, and what they are told in their language."""
