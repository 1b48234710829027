"""`palaver.toml`: several models, in the order in which they are asked.

[[model]]
name = "fast"                          # what /model calls it
base_url = "https://api.deepseek.com"
model = "deepseek-v4-flash"
key = "DEEPSEEK_API_KEY"               # the variable that holds its key
price = [0.14, 0.0028, 0.28]           # dollars for a million: read, cached, written
at_once = 20                           # calls at once in one process
continues = "prefix"                   # as LLM_CONTINUE
"""

import os
import tomllib
from pathlib import Path

import msgspec

from core.errors import ConfigError
from core.models.providers import Continues


class ModelEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    base_url: str
    model: str
    key: str = ""
    price: tuple[float, ...] = ()
    at_once: int = 0
    continues: Continues | None = None

    @property
    def api_key(self) -> str:
        """Raises `ConfigError` when the variable is not set."""
        if not self.key:
            return ""
        value = os.environ.get(self.key, "")
        if not value:
            raise ConfigError(self.key, f"is not set, and the model {self.name} needs it")
        return value


class ModelFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    model: tuple[ModelEntry, ...]


def read_model_file(path: Path) -> ModelFile:
    """What *path* says.

    Raises:
        ConfigError: it cannot be read, or says something else.
    """
    try:
        found = msgspec.convert(tomllib.loads(path.read_text("utf-8")), ModelFile)
    except OSError as error:
        raise ConfigError("PALAVER_CONFIG", f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise ConfigError("PALAVER_CONFIG", f"{path}: {error}") from error
    names = [entry.name for entry in found.model]
    if not names or len(set(names)) < len(names):
        raise ConfigError("PALAVER_CONFIG", f"{path}: each model needs a name of its own")
    for entry in found.model:
        if len(entry.price) not in (0, 3):
            raise ConfigError("PALAVER_CONFIG", f"{path}: {entry.name} needs three prices, or none")
    return found
