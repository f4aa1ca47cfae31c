"""`python -m taskproc` is the command line."""

from taskproc_cli.__main__ import main

if __name__ == "__main__":
    main()
