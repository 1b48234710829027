"""What must not be read in a backup of the store: it is encrypted before it is kept."""

import base64

LEAST_CHARS = 16


class Vault:
    """Encrypts with the first of *keys*, and decrypts with any of them."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        # Seven MB, which only those pay who keep accounts.
        from cryptography.fernet import Fernet, InvalidToken, MultiFernet  # noqa: PLC0415 - see above

        self._newest, *others = (Fernet(_derived(one)) for one in keys)
        self._box = MultiFernet([self._newest, *others])
        self._refused = InvalidToken

    def seal(self, data: bytes) -> bytes:
        return self._box.encrypt(data)

    def unseal(self, sealed: bytes) -> bytes | None:
        """What was sealed; None if it was changed, or the key for it is gone."""
        try:
            return self._box.decrypt(sealed)
        except self._refused:
            return None

    def anew(self, sealed: bytes) -> bytes | None:
        """The same, sealed by the first key; None: it is so already, or cannot be unsealed."""
        try:
            self._newest.decrypt(sealed)
        except self._refused:
            data = self.unseal(sealed)
            return None if data is None else self.seal(data)
        return None


def _derived(key: str) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415 - as above

    made = HKDF(SHA256(), 32, salt=None, info=b"palaver accounts").derive(key.encode())
    return base64.urlsafe_b64encode(made)
