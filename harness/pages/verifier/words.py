"""What docs/verifier.md explains in words: levels, the rule, the verdicts, Holm, exit codes, limits.

No measured number stands here; harness.pages.verifier.page puts those between the words.
"""

from __future__ import annotations

from harness.pages.markdown import markdown_table

OPENING = """# How the verifier decides, and how often it errs

Written by `harness verifier report`, which measures every error rate below by simulation with the verifier's own
rule (about a minute; always the same draws, so always the same page). Deviations and spreads are in units of a
claim's margin."""

LEVELS = """## Levels

Each level needs the one before; V1 trains, so it runs only where it is asked for. There is no way round a level
that fails.

""" + markdown_table(
    ("level", "question", "how"),
    [
        (
            "V0 integrity",
            "Is everything there, and is it what it says?",
            "every file is hashed again; every cell of the grid is there; nothing is made from mixed "
            "inputs. Else INVALID",
        ),
        (
            "V1 re-run",
            "Does the same seed on the same kind of machine give the same predictions?",
            "`harness verify --rerun 3`: cells drawn at random run again, and the bytes must be equal; on "
            "other hardware the score, to V2's tolerance",
        ),
        (
            "V2 pinned",
            "Does the same seed on another machine give about the same score?",
            "the difference from the pinned score is within a tolerance that follows from the spread "
            "over the pinned seeds",
        ),
        (
            "V3 claim",
            "Does the published claim hold?",
            "the rule below, claim by claim",
        ),
    ],
    "lll",
)

RULE = """## The rule of level V3

For every seed s there is ONE gain: g(s) = score(recipe, s) - score(`none`, s), averaged as the claim averages. The
claim says c. Its margin d = max(what matters in practice, 2 s_ref / sqrt(n_claim), rounding) stands in
`reference/claims.yaml` since before anything was run, and nothing measured widens it. The band is [c - d, c + d];
the interval is mean(g) +- t(0.95, n - 1) s / sqrt(n): 90 %, with 5 % left on either side.

```
           c - d               c               c + d
------------[==================|==================]------------   the band: what counts as the claimed gain
               |------x------|                                    REPRODUCED        inside
 |----x----|                                                      NOT_REPRODUCED    outside, and p <= 0.05
        |---------x--------|                                      INCONCLUSIVE      across an edge
     |--------------------x-----------------------------|         INCONCLUSIVE      wider than the band
```

- **Inside** is TOST, two one-sided tests at 5 % (Schuirmann 1987). To be called reproduced, a claim must be shown
  to hold; that nothing speaks against it is not enough.
- **Outside** is an accusation. p = P(T > distance to the nearer edge) + P(T > distance to the farther edge), in
  standard errors (Hodges and Lehmann 1954). For a band wider than the interval the second term is next to nothing,
  and p <= 0.05 says just that the interval lies outside. For a band much narrower than the noise it is what keeps the
  error at 5 %: the interval alone would accuse up to 10 % of true claims.
- A claim with one end ("at most", "above") has an endless band on the other side.
- A claim on a share of recipes looks at each recipe's own interval: those surely above the threshold, those surely
  not.
- **Direction** asks whether the 90 % interval lies on one side of zero: "up" is false at most 5 % of the time, and
  so is "down".
- **Consistent** asks whether the claimed gain lies in the 95 % prediction interval for the mean of as many further
  runs as the source had: mean(g) +- t(0.975, n - 1) s sqrt(1 / n_claim + 1 / n). It decides nothing."""

VERDICTS = """## What a verdict means to a reviewer

""" + markdown_table(
    ("verdict", "it says", "what to do"),
    [
        (
            "REPRODUCED",
            "the true gain of this pipeline lies within the margin; said falsely at most 5 % of the time",
            "accept the claim, to within the margin",
        ),
        (
            "NOT_REPRODUCED",
            "the true gain lies outside the margin, also when all tested claims are looked at together",
            "read the note (weaker, stronger, opposite sign) and ask the authors",
        ),
        (
            "INCONCLUSIVE",
            "these seeds can't tell; it speaks neither for nor against the claim",
            "run as many seeds as the note says, or leave it open",
        ),
        (
            "UNDERPOWERED",
            "fewer than three seeds, or seeds that changed nothing",
            "run more seeds",
        ),
        (
            "NOT_TESTED",
            "another encoder or other data, a part of the grid is unavailable, or nothing has run",
            "nothing follows for the claim",
        ),
        (
            "INVALID",
            "level V0 failed",
            "fix that first; no number may be believed",
        ),
    ],
    "lll",
)

HOLM = """## Several claims at once

Each claim alone is accused falsely at most 5 % of the time. Of ten true claims one is then accused falsely much
more often. So p values of all claims that were tested (on three seeds or more, whatever came out; no facts of the
data) go through Holm's step-down: the smallest p value times the number of claims m, the next times m - 1, and so
on, none smaller than the one before. An accusation whose adjusted p value is over 0.05 becomes INCONCLUSIVE, and
its reasons give both values. This holds however the claims depend on each other, and they do: all gains share the
baseline's runs. The p value of a claim on a share of recipes is adjusted for the recipes first. REPRODUCED is not
adjusted: it is an error about one claim."""

LIMITS = """## Limits

- **Test sets are judged, also where the published number is one of development sets.** A verdict supposes that the
  gain on both is about as large; the margin has no term for it. `harness verify ID --explain` shows the gain on
  development sets beside, over the targets that have one in every language.
- **Three to five seeds can't show whether gains are normal**, and the t interval supposes it. What other
  distributions do is measured above, not assumed.
- **The number of seeds asked for is a projection.** It takes the measured mean and spread for the true ones; the
  true spread may be 0.6 to 4.4 times what three seeds show.
- **A seed is a repetition of the whole pipeline.** Languages, targets and cells that share a checkpoint are not
  further draws; the spread is over seeds only. It says nothing about other data or other hyperparameters.
- **The band is a judgement.** Where the source gives no spread, the margin is what matters in practice, and the
  reason stands in the registry.
- **A claim on a share of recipes** is called reproduced when enough recipes, each by its own interval, are above
  the threshold. That is not adjusted for their number: if n - K + 1 recipes lie right at the threshold, one of them
  may pass by luck with up to (n - K + 1) x 5 %.
- **A best-of claim** chooses recipes by dev scores of the same seeds, or by the other seeds, so its values are not
  quite independent draws."""
