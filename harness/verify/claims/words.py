"""Words that several kinds of claims and the texts on them use alike."""

from __future__ import annotations

from collections.abc import Sequence

RETRIEVAL = "BUCC and Tatoeba"
"""XTREME's retrieval targets, in words."""
TWICE = (
    "The published retrieval baseline is weak and depends on the layer and the pooling that were chosen"
    " (reference/README.md), so gains there say as much of that choice as of the recipe.",
    "Two of the targets can so carry most of an average, and what is left of it without them is the part that does not"
    " hang on that choice.",
)
"""Why an average over all targets is given beside the one without the retrieval targets."""


def over_words(targets: Sequence[str]) -> str:
    """What a value is averaged over: a few targets by name, many by their number."""
    if len(targets) == 1:
        return f"on {targets[0]}"
    return f"on average over {' and '.join(targets) if len(targets) == 2 else f'the {len(targets)} targets'}"
