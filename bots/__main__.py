"""The `palaver` command, from its first moment on."""

import signal

from bots.optional import without


def main() -> None:
    """Run the command. Who ends it while its parts are still being read sees no traceback."""
    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if usual:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    with without("cryptography", "opentelemetry.sdk.metrics", "rich"):
        from bots.cli import main as command  # noqa: PLC0415 - a second of work, see above

    if usual:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    command()


if __name__ == "__main__":
    main()
