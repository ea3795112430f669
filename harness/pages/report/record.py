"""The record behind the HTML report: what `harness verify` concludes, and what a reader may open below each number.

read.py fills it from results that were judged; charts.py and render.py turn it into a page and decide nothing.
"""

from __future__ import annotations

from harness.audit.verification import Verification
from harness.pages.means import SeedMean
from harness.pages.origin import Origin
from harness.pages.study.parts import LanguageGains
from harness.project.records import Record
from harness.verify.verdicts.verdict import ClaimVerdict


class Card(Record):
    """One number at the head of the page."""

    value: str
    """The number or the word."""
    label: str
    """What it counts."""
    is_alarm: bool = False
    """Does it say that something is wrong?"""


class ClaimShown(Record):
    """One claim with all that is told of it."""

    verdict: ClaimVerdict
    """What is concluded."""
    source: str
    """Where it was read."""
    derivation: str
    """How the verdict follows, line by line, as `harness verify ID --explain` prints it."""
    outcome: str = ""
    """Of one of the laboratory's own: how the verdict stands to what was planted; empty for a published claim."""


class CellShown(Record):
    """One cell of a pair."""

    id: str
    """Its name."""
    seed: int
    """Its seed."""
    status: str
    """As in its result; `missing` where it has not run."""
    reasons: list[str]
    """Why the status is not `ok`."""
    score: float | None
    """The target's score in points; null without one."""
    by_language: dict[str, float]
    """language -> the target's score on it alone, in points."""
    predictions_sha256: str | None
    """Of its predictions; null where it has none."""
    inputs: dict[str, str]
    """sha256 of everything that went in."""


class Pair(Record):
    """One recipe on one target: a field of the heat map."""

    recipe: str
    """The recipe."""
    target: str
    """The target task."""
    score: SeedMean | None
    """Its score in points; null without one."""
    gain: SeedMean | None
    """Its gain over the baseline in points; null for the baseline, and where it can't be had."""
    cells: list[CellShown]
    """One for each of its seeds."""

    @property
    def id(self) -> str:
        """Its name on the page."""
        return f"pair-{self.recipe}-{self.target}"

    @property
    def languages(self) -> list[str]:
        """The languages that any of its cells has a score on, in order."""
        return list(dict.fromkeys(language for cell in self.cells for language in cell.by_language))

    @property
    def hashes(self) -> list[tuple[str, str, str]]:
        """(file, seeds, sha256) of predictions and of everything that went in; seeds that share one stand together."""
        seeds: dict[tuple[str, str], list[str]] = {}
        for cell in self.cells:
            predictions = {"predictions": cell.predictions_sha256} if cell.predictions_sha256 else {}
            for file in (predictions | cell.inputs).items():
                seeds.setdefault(file, []).append(str(cell.seed))
        order = list(dict.fromkeys(name for name, _ in seeds))
        files = sorted(seeds, key=lambda file: order.index(file[0]))
        return [(name, ", ".join(seeds[name, sha256]), sha256) for name, sha256 in files]

    @property
    def lacks(self) -> str:
        """The worst that befell its cells, in a word; empty where all are ok."""
        found = {cell.status for cell in self.cells}
        return next((word for word in ("unavailable", "failed", "missing", "collapsed") if word in found), "")


class LayerCurve(Record):
    """One recipe on one retrieval target, hidden layer by hidden layer."""

    recipe: str
    """The recipe."""
    target: str
    """The retrieval target."""
    used: int | None
    """The hidden layer that the cells use; null where params.yaml doesn't name one."""
    scores: list[float]
    """Hidden layer (0: embeddings) -> score in points, mean over seeds."""


class ErrorRate(Record):
    """How often the verifier errs in one situation, measured by simulation: a line of docs/verifier.md."""

    situation: str
    """The situation."""
    false_percent: float
    """Upper 95 % bound of the highest rate of false verdicts, in per cent."""
    right: str
    """How often the right verdict falls where the claim is true, in per cent; empty where that is not measured."""


class Answer(Record):
    """What one recipe predicted for one row."""

    recipe: str
    """The recipe."""
    text: str
    """Its prediction, in words."""
    is_right: bool
    """Is it the gold answer?"""


class Example(Record):
    """One test row of generated data, its gold answer, and what was predicted."""

    target: str
    """The target task."""
    language: str
    """The language of the row."""
    id: str
    """The row's identifier."""
    fields: dict[str, str]
    """Name -> text of what the model is given."""
    gold: str
    """The right answer."""
    answers: list[Answer]
    """Predictions at the first seed, a recipe each."""


class FileHash(Record):
    """A file that the page rests on."""

    path: str
    """Path in the repository."""
    sha256: str
    """Its hash."""


class Report(Record):
    """Everything that the page says."""

    title: str
    """What the profile is, as its file says."""
    verification: Verification
    """What `harness verify` concludes."""
    about: str
    """What was run, and how that stands to what the claims are about, in one or two sentences."""
    cards: list[Card]
    """The numbers at the head."""
    claims: list[ClaimShown]
    """Published claims that scores decide."""
    facts: list[ClaimShown]
    """Published claims that no run decides."""
    planted: list[ClaimShown]
    """The laboratory's own claims, whose truth is known."""
    recipes: list[str]
    """Recipes of the heat map, the baseline first."""
    targets: list[str]
    """Its targets."""
    pairs: list[Pair]
    """Its fields, recipe by recipe."""
    languages: list[LanguageGains]
    """Gains by language, from little pretraining text to much."""
    layers: list[LayerCurve]
    """Retrieval by hidden layer, of cells that keep all layers."""
    rates: list[ErrorRate]
    """How often the verifier errs."""
    examples: list[Example]
    """Rows with predictions; empty unless the data is generated."""
    origin: Origin | None
    """Where and when the results were made; null where there are none."""
    files: list[FileHash]
    """What to compare when it is checked again."""

    def pair(self, recipe: str, target: str) -> Pair | None:
        """The field of a recipe and a target, where the grid has it."""
        return next((one for one in self.pairs if (one.recipe, one.target) == (recipe, target)), None)
