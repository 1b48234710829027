"""The `palaver` command, from its first moment on."""

import gc
import signal

from bots.optional import without

MANY = 50_000
"""So many new objects are worth a look for garbage. Nearly all that is imported stays."""


def main() -> None:
    """Run the command. Who ends it while its parts are still being read sees no traceback."""
    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if usual:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.set_threshold(MANY)
    with without("cryptography", "opentelemetry", "rich"):
        from bots.cli import main as command  # noqa: PLC0415 - a second of work, see above

    gc.freeze()  # No later look for garbage goes through all this again.
    if usual:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    command()


if __name__ == "__main__":
    main()
