"""The `harness` command, and `python -m harness`: the command line, which Ctrl-C ends in words at any moment."""

from __future__ import annotations

from harness.project.exits import leave_when_interrupted


def main() -> None:
    """Run the command that the command line names; exit code as harness.project.exits has it."""
    leave_when_interrupted()
    from harness.commands.main import main as command

    command()


if __name__ == "__main__":
    main()
