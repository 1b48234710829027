"""Checks the arguments of a call against the tool's JSON schema.

Schemas may come from strangers, so the check is bounded: `jsonschema_rs` matches patterns with a
limit of steps, nothing is fetched from an address in a schema, and no reference in it is followed
for ever.
"""

from collections.abc import Mapping
from typing import Any

from core.models.tool_calls import read_arguments
from core.tools.unfolding import unfolded

BACKTRACKS = 10_000
PATTERN_BYTES = 4_000_000
"""Of one pattern, once it is compiled."""
TOLD_CHARS = 300


class ArgumentCheck:
    """The check for one *schema*.

    Raises:
        ValueError: the schema makes no sense, or needs another document.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        import jsonschema_rs  # noqa: PLC0415 - 3 MB, for who calls a tool

        self._wrong = jsonschema_rs.ValidationError
        self._validator = jsonschema_rs.validator_for(
            unfolded(schema),
            retriever=_fetch_nothing,
            pattern_options=jsonschema_rs.FancyRegexOptions(
                backtrack_limit=BACKTRACKS, size_limit=PATTERN_BYTES
            ),
        )

    def read(self, text: str) -> dict[str, Any]:
        """The arguments in *text*, which a model wrote.

        Raises:
            ValueError: what is wrong with them, for the model to read.
        """
        arguments = read_arguments(text)
        if arguments is None:
            raise ValueError("the arguments are no JSON object")
        try:
            self._validator.validate(arguments)
        except self._wrong as error:
            where = "".join(f"/{part}" for part in error.instance_path)
            message = error.message
            told = message if len(message) <= TOLD_CHARS else f"…{message[-TOLD_CHARS:]}"
            raise ValueError(f"{where or 'the arguments'}: {told}") from None
        return arguments


def _fetch_nothing(uri: str) -> dict[str, Any]:
    raise ValueError("a schema may not lead elsewhere")
