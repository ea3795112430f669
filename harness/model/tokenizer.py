"""The unigram tokenizer: trained here on the corpus, or read from a tokenizer.json with XLM-R's special tokens.

XLM-R's layout (Conneau et al. 2020): NFKC, metaspace, `<s> A </s>` and `<s> A </s></s> B </s>`.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from pathlib import Path

from harness.errors import HarnessError

# Rust's thread pool does not survive a fork; one thread is fast enough here.
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import sentencepiece
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

FILE = "tokenizer.json"
BEGIN, PAD, END, UNKNOWN, MASK = "<s>", "<pad>", "</s>", "<unk>", "<mask>"
SPECIAL = (BEGIN, PAD, END, UNKNOWN)


def train_tokenizer(lines: Iterable[str], vocabulary_size: int) -> Tokenizer:
    """Train a unigram tokenizer of `vocabulary_size` pieces: `<s> <pad> </s> <unk>` first, `<mask>` last, as in XLM-R.

    SentencePiece trains it, on one thread: the trainer of `tokenizers` gives other pieces in every process.
    Raises HarnessError when the text is too small for so many pieces.
    """
    trained = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            model_writer=trained,
            model_type="unigram",
            vocab_size=vocabulary_size - 2,  # <pad> and <mask> are added below
            character_coverage=0.9995,  # SentencePiece's default for text with many scripts
            normalization_rule_name="nmt_nfkc",
            num_threads=1,
            minloglevel=2,
        )
    except (RuntimeError, OSError) as error:
        raise HarnessError(
            f"expected a corpus large enough for {vocabulary_size} pieces, SentencePiece found: {str(error).strip()[-200:]}",
            fix="lower encoder.pretraining.vocabulary_size in params.yaml",
        ) from None
    model = sentencepiece.SentencePieceProcessor(model_proto=trained.getvalue())
    learnt = [
        (model.id_to_piece(i), model.get_score(i)) for i in range(model.get_piece_size()) if not _is_special(model, i)
    ]
    pieces = [(name, 0.0) for name in SPECIAL] + learnt + [(MASK, 0.0)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=SPECIAL.index(UNKNOWN), byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.add_special_tokens([*SPECIAL, MASK])
    begin, end = tokenizer.token_to_id(BEGIN), tokenizer.token_to_id(END)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A {END}",
        pair=f"{BEGIN} $A {END} {END} $B:1 {END}:1",
        special_tokens=[(BEGIN, begin), (END, end)],
    )
    return tokenizer


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
            fix="use an encoder with XLM-R's special tokens",
        )
    return found


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Write tokenizer.json."""
    tokenizer.save(str(folder / FILE), pretty=False)


def load_tokenizer(folder: Path) -> Tokenizer:
    """Read tokenizer.json of an encoder folder."""
    path = folder / FILE
    if not path.is_file():
        raise HarnessError(f"expected a tokenizer at {path}, found none", fix="run `dvc repro encoder`")
    return Tokenizer.from_file(str(path))
