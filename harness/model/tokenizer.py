"""Tokenizers: a unigram tokenizer trained here on the corpus, one from a tokenizer.json, or XLM-R's from its pieces.

The one trained here has XLM-R's layout (Conneau et al. 2020): NFKC, metaspace, `<s> A </s>`, `<s> A </s></s> B </s>`.
"""

from __future__ import annotations

import io
import os
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.project.errors import HarnessError

# Rust's thread pool does not survive a fork; one thread is fast enough here.
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

FILE = "tokenizer.json"
SPACE = "\u2581"  # SentencePiece's mark of a word's beginning
LONGEST_PIECE = 16  # SentencePiece's own limit
LONGEST_IN_LONG_WORD = 4
MOST_SEEDS = 500_000


@dataclass(frozen=True)
class SpecialTokens:
    """Texts of the tokens that stand for no text."""

    begin: str
    """First of every input; classification reads its state."""
    pad: str
    """Fills the inputs of a batch up to one length."""
    end: str
    """Behind every text."""
    unknown: str
    """What the vocabulary has no piece for."""
    mask: str
    """What masked LM hides."""
    marks_second: bool = False
    """Whether the tokens of a pair's second text have a token type of their own."""

    def names(self) -> tuple[str, ...]:
        """The texts."""
        return self.begin, self.pad, self.end, self.unknown, self.mask


def train_tokenizer(lines: Iterable[str], vocabulary_size: int, tokens: SpecialTokens) -> Tokenizer:
    """Train a unigram tokenizer of `vocabulary_size` pieces: begin, pad, end, unknown first, mask last, as in XLM-R.

    SentencePiece trains it, on one thread: the trainer of `tokenizers` gives other pieces in every process.
    Raises HarnessError when the text is too small for so many pieces.
    """
    chosen = list(lines)
    trained = io.BytesIO()
    with tempfile.NamedTemporaryFile("w", suffix=".tsv", encoding="utf-8") as seeds:
        seeds.writelines(f"{piece}\t{count}\n" for piece, count in seed_pieces(chosen))
        seeds.flush()
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(chosen),
                model_writer=trained,
                model_type="unigram",
                vocab_size=vocabulary_size - 2,  # padding and mask are added below
                character_coverage=0.9995,  # SentencePiece's default for text with many scripts
                normalization_rule_name="nmt_nfkc",
                seed_sentencepieces_file=seeds.name,
                num_threads=1,
                minloglevel=2,
            )
        except (RuntimeError, OSError) as error:
            raise HarnessError(
                f"expected a corpus that gives {vocabulary_size} pieces, SentencePiece found: {str(error)[-200:]}",
                fix="lower encoder.pretraining.vocabulary_size in params.yaml",
            ) from None
    model = sentencepiece.SentencePieceProcessor(model_proto=trained.getvalue())
    learnt = [
        (model.id_to_piece(i), model.get_score(i)) for i in range(model.get_piece_size()) if not _is_special(model, i)
    ]
    first = [tokens.begin, tokens.pad, tokens.end, tokens.unknown]
    pieces = [(name, 0.0) for name in first] + learnt + [(tokens.mask, 0.0)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=first.index(tokens.unknown), byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.add_special_tokens([*first, tokens.mask])
    _lay_out(tokenizer, tokens)
    return tokenizer


def _lay_out(tokenizer: Tokenizer, tokens: SpecialTokens) -> None:
    """Put XLM-R's special tokens around one text or two."""
    begin, end = tokens.begin, tokens.end
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A {end}",
        pair=f"{begin} $A {end} {end} $B:1 {end}:1",
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in (begin, end)],
    )


def rebuilt_tokenizer(pieces: Sequence[tuple[str, float]], tokens: SpecialTokens) -> Tokenizer:
    """XLM-R's tokenizer from its pieces and their scores, in the order of their ids.

    What else it does is known: SentencePiece's rule nmt_nfkc, a mark before every word, no piece of raw bytes.
    """
    unknown = [piece for piece, _ in pieces].index(tokens.unknown)
    tokenizer = Tokenizer(models.Unigram(list(pieces), unk_id=unknown, byte_fallback=False))
    tokenizer.normalizer = normalizers.Precompiled(_character_map("nmt_nfkc"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    tokenizer.decoder = decoders.Metaspace()
    plain = [tokens.begin, tokens.pad, tokens.end, tokens.unknown]
    tokenizer.add_special_tokens([*plain, AddedToken(tokens.mask, lstrip=True, special=True)])
    _lay_out(tokenizer, tokens)
    return tokenizer


def _character_map(rule: str) -> bytes:
    """The characters that a rule of SentencePiece replaces, in its own form; the package carries it."""
    normaliser = sentencepiece.SentencePieceNormalizer(rule_name=rule)
    messages: Any = sentencepiece_model_pb2  # generated, without types
    spec = messages.NormalizerSpec.FromString(normaliser.serialized_normalizer_spec())
    return bytes(spec.precompiled_charsmap)


def seed_pieces(lines: Iterable[str]) -> list[tuple[str, int]]:
    """Candidate pieces with their counts: every substring of every word, best (count x length) first.

    SentencePiece's own candidates are substrings that two different words share, so that a frequent word would never
    be one piece. Words of scripts without spaces are long: of these only short substrings are candidates.
    """
    words = Counter(word for line in lines for word in unicodedata.normalize("NFKC", line).split())
    counts: Counter[str] = Counter()
    for word, count in words.items():
        marked = SPACE + word
        longest = LONGEST_PIECE if len(marked) <= LONGEST_PIECE else LONGEST_IN_LONG_WORD
        for start in range(len(marked)):
            for end in range(start + 1, min(start + longest, len(marked)) + 1):
                counts[marked[start:end]] += count
    ranked = sorted(counts.items(), key=lambda item: (-item[1] * len(item[0]), item[0]))
    return [item for item in ranked if item[1] > 1 or len(item[0]) == 1][:MOST_SEEDS]


def _is_special(model: sentencepiece.SentencePieceProcessor, index: int) -> bool:
    return bool(model.is_unknown(index) or model.is_control(index))


def token_id(tokenizer: Tokenizer, name: str) -> int:
    """Id of a special token.

    Raises HarnessError if the vocabulary lacks it.
    """
    found = tokenizer.token_to_id(name)
    if found is None:
        raise HarnessError(
            f"expected the special token {name} in the encoder's {FILE}, found none",
            fix=f"use an encoder whose {FILE} has the special tokens of the type that its config.json names",
        )
    return found


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Write tokenizer.json."""
    (folder / FILE).write_text(tokenizer.to_str(pretty=False), encoding="utf-8")


def load_tokenizer(folder: Path) -> Tokenizer:
    """Read tokenizer.json of an encoder folder."""
    path = folder / FILE
    if not path.is_file():
        raise HarnessError(f"expected a tokenizer at {path}, found none", fix="run `dvc repro encoder`")
    try:
        return Tokenizer.from_str(path.read_text(encoding="utf-8"))
    except Exception as error:  # the library raises no narrower class
        raise HarnessError(
            f"expected a tokenizer in {path}, found: {error}", fix="run `dvc repro -f encoder`"
        ) from None
