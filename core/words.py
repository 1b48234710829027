"""Where words end."""


def joined(before: str, after: str) -> bool:
    """Whether one word goes on from the end of *before* to the beginning of *after*.

    Chinese, Japanese and Korean put no spaces between words: there, none is said to go on.
    """
    return _spells(before[-1:]) and _spells(after[:1])


def _spells(character: str) -> bool:
    """A letter or digit of a script that puts spaces between words; not an empty string."""
    return character.isalnum() and character < "\u2e80"
