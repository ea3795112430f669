"""Word embeddings of which a training changes only the rows of its own tokens, and how all other rows follow.

AdamW moves a row that no token of a training reads by weight decay alone: its gradient and both moments are 0, so after
steps of learning rate lr_t it is its start times the product of (1 - lr_t * weight decay). Such rows need no gradient,
no moments and no place in a checkpoint; one factor stands for all of them. What is computed is the whole training.
"""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor, nn
from torch.nn import functional


class Settled(nn.Module):
    """Every row as it stands before a training: those of a table, changed by at most one training that is over.

    Nothing of it is trained, saved or counted among the parameters.
    """

    table: Tensor
    places: Tensor | None
    rows: Tensor | None
    factor: Tensor | None

    def __init__(self, table: Tensor, over: TrimmedWords | None = None) -> None:
        """`table`: (vocabulary, hidden); `over`: the rows and the factor of the training that is over."""
        super().__init__()
        for name, tensor in (
            ("table", table.detach()),
            ("places", over.places if over else None),
            ("rows", over.rows.detach() if over else None),
            ("factor", over.factor if over else None),
        ):
            self.register_buffer(name, tensor, persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        """The rows of `ids`: (..., hidden)."""
        found = functional.embedding(ids, self.table)
        if self.places is None or self.rows is None or self.factor is None:
            return found
        return _with_rows(ids, self.places, self.rows, found, self.factor)


class TrimmedWords(nn.Module):
    """Rows that are trained, and of all others where they started and by what factor weight decay has shrunk them."""

    ids: Tensor
    """Token ids of the trained rows, rising: (rows,)."""
    factor: Tensor
    """Product of (1 - learning rate * weight decay) over the steps taken, float64."""
    places: Tensor
    """Place of a token id among the rows, -1 where it is not trained: (vocabulary,)."""

    def __init__(self, start: Settled, ids: Tensor, padding: int | None) -> None:
        """`padding`: the token id whose row gets no gradient, as `nn.Embedding` has it."""
        super().__init__()
        device = start.table.device
        self.start, self.padding = start, padding
        self.rows = nn.Parameter(start(ids.to(device)))
        self.register_buffer("ids", ids.to(device))
        self.register_buffer("factor", torch.ones((), dtype=torch.float64, device=device))
        places = torch.full((len(start.table),), -1, device=device)
        places[self.ids.long()] = torch.arange(len(ids), device=device)
        self.register_buffer("places", places, persistent=False)
        self._padding_place = None if padding is None or places[padding] < 0 else int(places[padding])

    def forward(self, ids: Tensor) -> Tensor:
        """The rows of `ids`: (..., hidden). In training mode every id must be one that is trained."""
        if self.training:
            return functional.embedding(self.places[ids], self.rows, self._padding_place)
        return _with_rows(ids, self.places, self.rows, self.start(ids), self.factor)

    def decay(self, factor: float) -> None:
        """Take in one step of the optimiser: what it multiplies a row by that has no gradient."""
        self.factor *= factor

    @property
    def is_over_the_encoder(self) -> bool:
        """Whether the rows started as the encoder's own, so that rows, ids and factor say all that was changed."""
        return self.start.places is None


def _with_rows(ids: Tensor, places: Tensor, rows: Tensor, others: Tensor, factor: Tensor) -> Tensor:
    """`rows` where there is one of an id, elsewhere `others` times `factor`, multiplied in float64."""
    place = places[ids]
    decayed = (others.double() * factor).to(others.dtype)
    return torch.where((place >= 0).unsqueeze(-1), functional.embedding(place.clamp(min=0), rows), decayed)


def trimmed(words: nn.Module, ids: Collection[int]) -> TrimmedWords:
    """Word embeddings of which only the rows of `ids` are trained, starting from `words`, trimmed already or not."""
    chosen = torch.tensor(sorted(ids), dtype=torch.int32)
    if isinstance(words, TrimmedWords):
        return TrimmedWords(Settled(words.start.table, words), chosen, words.padding)
    assert isinstance(words, nn.Embedding)
    return TrimmedWords(Settled(words.weight), chosen, words.padding_idx)


def whole(words: nn.Module) -> nn.Embedding:
    """An embedding with all rows, in memory of its own, every row to be trained."""
    if isinstance(words, nn.Embedding):
        table, padding = words.weight.detach().clone(), words.padding_idx
    else:
        assert isinstance(words, TrimmedWords)
        everything = torch.arange(len(words.places), device=words.places.device)
        rows = _with_rows(everything, words.places, words.rows, words.start(everything), words.factor)
        table, padding = rows.detach(), words.padding
    return nn.Embedding.from_pretrained(table, freeze=False, padding_idx=padding)
