"""Claims (YAML) and a table of your own scores (CSV) -> a verdict each; the caller vouches for the scores.

Without arguments it judges the files beside it: copy all three and change them.
"""

from __future__ import annotations

import sys
from pathlib import Path

from harness.project.errors import HarnessError
from harness.verify import hold_accusations, judge, read_claims, read_csv_scores

MEASURED = {"encoder": "XLM-R Large", "data": "XTREME"}
"""What the scores are of, in the words that a claim's scope uses."""

BESIDE = Path(__file__).resolve().parent


def main(claims: Path, table: Path) -> None:
    scores = read_csv_scores(table, **MEASURED)
    verdicts = hold_accusations([judge(claim, scores) for claim in read_claims(claims)])
    for verdict in verdicts:
        print(f"{verdict.verdict}  {verdict.id}: {verdict.evidence.sentence}")
        for reason in verdict.reasons:
            print(f"    {reason}")


if __name__ == "__main__":
    files = [Path(name) for name in sys.argv[1:]] or [BESIDE / "claims.yaml", BESIDE / "scores.csv"]
    if len(files) != 2:
        sys.exit("expected two files. To fix it: python examples/judge_scores.py CLAIMS.yaml SCORES.csv")
    try:
        main(*files)
    except HarnessError as error:
        sys.exit(str(error))
