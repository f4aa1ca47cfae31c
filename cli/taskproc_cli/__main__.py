"""Where the program begins: quiet on Ctrl-C before it can say a sentence."""

import os

# Before all else, so that Ctrl-C finds the handler; `signal`, which is made of this, takes milliseconds to import.
_signal = __import__("_signal")


def _leave(number: int, frame: object) -> None:  # noqa: ARG001
    os._exit(130)


if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
    _signal.signal(_signal.SIGINT, _leave)


def main() -> None:
    """Import the program, which takes a while, and run it; ends the process."""
    import gc

    gc.disable()
    from taskproc_cli import app

    gc.freeze()  # what is imported is no garbage, not even at the end, where to look it through takes longest
    gc.enable()
    if _signal.getsignal(_signal.SIGINT) is not _signal.SIG_IGN:
        _signal.signal(_signal.SIGINT, _signal.default_int_handler)
    app.main()


if __name__ == "__main__":
    main()
