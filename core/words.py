"""Where words end."""


def joined(before: str, after: str) -> bool:
    """Whether one word goes on from the end of *before* to the beginning of *after*.

    In Chinese, Japanese and Korean text the answer is always no.
    """
    return _spells(before[-1:]) and _spells(after[:1])


def _spells(character: str) -> bool:
    """Whether *character* is a letter or digit of a script with spaces between words."""
    return character.isalnum() and character < "\u2e80"
