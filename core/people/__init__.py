"""People: who may ask, and how they are met."""
