"""Claims (YAML) and a table of your own scores (CSV) -> a verdict each; the caller vouches for the scores.

Try `python examples/judge_scores.py examples/claims.yaml examples/scores.csv`, then copy the files and change them.
"""

from __future__ import annotations

import sys
from pathlib import Path

from harness.project.errors import HarnessError
from harness.verify import hold_accusations, judge, read_claims, read_csv_scores

MEASURED = {"encoder": "XLM-R Large", "data": "XTREME"}
"""What the scores are of, in the words that a claim's scope uses."""


def main(claims: Path, table: Path) -> None:
    scores = read_csv_scores(table, **MEASURED)
    verdicts = hold_accusations([judge(claim, scores) for claim in read_claims(claims)])
    for verdict in verdicts:
        print(f"{verdict.verdict}  {verdict.id}: {verdict.evidence.sentence}")
        for reason in verdict.reasons:
            print(f"    {reason}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("expected two files. To fix it: python examples/judge_scores.py CLAIMS.yaml SCORES.csv")
    try:
        main(*map(Path, sys.argv[1:]))
    except HarnessError as error:
        sys.exit(str(error))
