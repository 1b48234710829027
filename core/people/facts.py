"""What may be remembered about a person: one short line that holds no secret. Pure."""

import re

from core.border import clean
from core.secret import redact

MOST = 50
"""How many facts one person may have."""
FACT_CHARS = 200
_KEYS = re.compile(
    r"\b(?:sk|pk|rk|ghp|gho|ghs|glpat|xox[a-z]|xapp|AKIA|ASIA|eyJ|AIza|ya29|npm|hf)[-_.A-Za-z0-9]{12,100}"
    r"|\b\d{6,12}:[-_A-Za-z0-9]{30,60}"
    r"|-----BEGIN"
)
"""The keys of well-known services, Telegram's tokens, and key files."""
_WORD = re.compile(r"[!-~]{8,100}")
_DIGITS = re.compile(r"\d[\d -]{11,30}\d")
_ACCOUNT = re.compile(r"\b[A-Z]{2}\d{2}[A-Z0-9 ]{11,40}")
_NAMED = re.compile(
    r"passw|passphrase|passcode|\bpwd\b|\bpin\b|\bcvv|\bcvc\b|\botp\b|api.?key|secret.?key|"
    r"private.?key|seed.?phrase|kennwort|geheimzahl|contrase|clave secreta|mot de passe|senha|"
    r"парол|пин-?код|كلمة (?:ال)?(?:مرور|سر)|رمز عبور|گذرواژه|kata sandi|sandi saya|"
    r"密码|密碼|口令|暗証番号|パスワード|验证码|驗證碼",
    re.IGNORECASE,
)
"""How people name a secret, in our languages."""
KINDS = 3
"""Small letters, capitals, digits: no person writes a word of 20 characters with all of them."""


def one_line(text: str) -> str:
    """*text* on one line, without characters that cannot be shown."""
    shown = "".join(one if one.isprintable() else " " for one in clean(text))
    return " ".join(shown.split())


def holds_secret(text: str) -> bool:
    """Whether *text* seems to hold a password, a key, or the number of a card or an account."""
    if redact(text) != text or _KEYS.search(text) or _NAMED.search(text):
        return True
    if any(_is_card(found[0]) for found in _DIGITS.finditer(text)):
        return True
    if any(_is_account(found[0]) for found in _ACCOUNT.finditer(text)):
        return True
    return any(map(_is_random, _WORD.findall(text)))


def _is_card(text: str) -> bool:
    """Whether the digits of *text* have the check digit of a card (ISO/IEC 7812-1, Luhn)."""
    digits = [int(one) for one in text if one.isdigit()]
    if not 13 <= len(digits) <= 19:
        return False
    doubled = [one * 2 - 9 * (one > 4) for one in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_account(text: str) -> bool:
    """Whether *text* begins with an IBAN: its check digits are right (ISO 13616, ISO 7064)."""
    joined = text.replace(" ", "")
    for end in range(15, min(len(joined), 34) + 1):
        turned = joined[4:end] + joined[:4]
        if int("".join(str(int(one, 36)) for one in turned)) % 97 == 1:
            return True
    return False


def _is_random(word: str) -> bool:
    if len(word) < 20 or "://" in word or "@" in word:
        return False
    kinds = (any(map(str.islower, word)), any(map(str.isupper, word)), any(map(str.isdigit, word)))
    return sum(kinds) == KINDS
