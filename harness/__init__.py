"""Re-run cross-lingual intermediate-task training experiments with everything pinned, and decide each claim."""

import os

__version__ = "0.1.0"

# Records are validated by the code that is here and by no plugin of the environment; the search takes 30 ms besides.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
