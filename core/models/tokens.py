"""About how many tokens something is, without the model's own tokenizer."""

import re

_CJK = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uff00-\uffef]")
MESSAGE_TOKENS = 4
"""What a message costs besides its text (role and separators), as OpenAI counts it."""
PICTURE_TOKENS = 1_000


def estimate_tokens(text: str) -> int:
    """About how many tokens *text* is: one for four characters, or for each CJK one."""
    wide = len(_CJK.findall(text))
    return wide + (len(text) - wide + 3) // 4
