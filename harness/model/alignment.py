"""Which characters of a text a token stands for, whatever the normaliser composes, splits or deletes.

A tokenizer's own offsets name only the first of several characters that were composed, and go wrong behind some that
were deleted. An answer is found by its characters, so here every visible character gets its token.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tokenizers import Encoding, Tokenizer

Span = tuple[int, int]
"""First character, and one past the last."""
# Unicode's default-ignorable code points, control characters, annotation marks and the blank Braille pattern. White
# space is added to them. Signs of format that show (Arabic's number signs) are not among them.
_UNSEEN = (
    (0x0, 0x20), (0x7F, 0x9F), (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5),
    (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x2800, 0x2800), (0x3164, 0x3164),
    (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFFB), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)  # fmt: skip
_SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
INVISIBLE = _SPACES + "".join(chr(code) for first, last in _UNSEEN for code in range(first, last + 1))
"""Characters that can't be seen: an answer neither begins nor ends with them."""


@dataclass(frozen=True)
class Encodable:
    """A text without the characters that the normaliser deletes: behind some, a tokenizer's offsets are wrong."""

    text: str
    """What is tokenized; it normalises to what the original does."""
    places: Sequence[int]
    """Of each of its characters, the place in the original; one more for the end."""

    def moved(self, span: Span) -> Span:
        """A span of the text as a span of the original."""
        start, end = span
        return self.places[start], self.places[end - 1] + 1 if end > start else self.places[start]


def encodable(texts: Sequence[str], tokenizer: Tokenizer) -> list[Encodable]:
    """The texts as they are tokenized: token for token what the originals give."""
    normaliser = tokenizer.normalizer
    if normaliser is None:
        return [Encodable(text, range(len(text) + 1)) for text in texts]
    deleted: dict[str, bool] = {}
    found = []
    for text in texts:
        characters = set(text)
        for character in characters.difference(deleted):
            # Between two letters, as a normaliser may strip the ends of a text.
            deleted[character] = normaliser.normalize_str(f"a{character}a") == normaliser.normalize_str("aa")
        places: Sequence[int] = range(len(text) + 1)
        shorter = text
        if any(deleted[character] for character in characters):
            kept = [place for place, character in enumerate(text) if not deleted[character]]
            leading = kept[0] if kept else len(text)
            # A deleted character may keep its neighbours from composing: then only those before the text go.
            for candidate in ([*kept, len(text)], range(leading, len(text) + 1)):
                shorter = "".join(text[place] for place in candidate[:-1])
                if normaliser.normalize_str(shorter) == normaliser.normalize_str(text):
                    places = candidate
                    break
            else:
                shorter = text
        found.append(Encodable(shorter, places))
    return found


def context_spans(windows: Sequence[Encoding], given: Encodable, context: str) -> list[list[Span | None]]:
    """Per window, the characters of `context` that each token stands for; None for the question's and special tokens.

    A tokenizer says only where the first of several composed characters stands, be they a letter and its marks, the
    jamo of a syllable, or a kana and its sound mark. Visible characters that no token has belong to the token before.
    """
    spans: list[list[Span | None]] = []
    for window in windows:
        own = zip(window.offsets, window.sequence_ids, strict=True)
        spans.append([given.moved(span) if part == 1 else None for span, part in own])
    ends = reach((span for window in spans for span in window if span), context)
    if not ends:
        return spans
    return [[span and (span[0], ends.get(span[1], span[1])) for span in window] for window in spans]


def reach(spans: Iterable[Span], text: str) -> dict[int, int]:
    """End of a token -> the end of the visible characters right behind it that no token has, where there are any."""
    found: dict[int, int] = {}
    at = 0
    for start, end in [*sorted(spans), (len(text), len(text))]:
        if 0 < at < start and not text[at].isspace():
            visible = text[at:start].split(maxsplit=1)[0].rstrip(INVISIBLE)
            found |= {at: at + len(visible)} if visible else {}
        at = max(at, end)
    return found
