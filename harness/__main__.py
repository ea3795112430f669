"""`python -m harness`: the command line, where the `harness` command is not on the path."""

from __future__ import annotations

from harness.commands.main import main

if __name__ == "__main__":
    main()
