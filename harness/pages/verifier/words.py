"""What docs/verifier.md explains in words: the rules with their sources, how to read the rates, limits.

No measured number stands here; harness.pages.verifier.page puts those between the words.
"""

from __future__ import annotations

OPENING = """# How the verifier decides, and how often it errs

Written by `harness verifier report`, which measures every rate below by simulation with the verifier's own rules
(about four minutes on one core; always the same draws, so always the same page). Deviations and spreads are in units
of a claim's margin. *Replaced* is the rule that was used before: a t interval for a fixed number of seeds, whenever one
looked.

This page has the rules of level V3 with their sources, and their error rates. [reading.md](reading.md) says what each
verdict, level and column means, and what to do about it; [ci.md](ci.md) has the exit codes."""

RULE = """## The rules of level V3

For every seed s there is ONE gain: g(s) = score(recipe, s) - score(`none`, s), averaged as the claim averages. The
claim says c. Its margin d = max(what matters in practice, 2 s_ref / sqrt(n_claim), rounding) stands in
`reference/claims.yaml` since before anything was run, and nothing measured widens it. The band is [c - d, c + d].

```
           c - d               c               c + d
------------[==================|==================]------------   the band: what counts as the claimed gain
               |------x------|                                    REPRODUCED        inside
 |----x----|                                                      NOT_REPRODUCED    outside, and p <= 0.05
        |---------x--------|                                      INCONCLUSIVE      across an edge
     |--------------------x-----------------------------|         INCONCLUSIVE      wider than the band
```

**The looks.** Who judges three seeds, runs more and judges again has several chances to err. So the looks are part of
the design, which is registered in `reference/design.yaml` before anything is run: the order of the seeds, the numbers
of seeds n at which one looks, and how much of the 5 % each look may spend. Only the first n seeds of the order without
a gap count, so no seed is chosen by what it gave. The interval is mean(g) -+ c_n s / sqrt(n). Its boundaries c_n are
computed such that P(the t statistic first crosses c_n at look k) = spent(k) - spent(k - 1) where the truth lies at the
edge (alpha spending: Lan and DeMets 1983, Biometrika 70). All intervals together then miss the truth on either side at
most 5 % of the time (repeated confidence intervals: Jennison and Turnbull 2000, Group Sequential Methods with
Applications to Clinical Trials, chapter 9). p values are adjusted likewise: the adjusted one is the smallest level at
which this look would cross."""

INSIDE = """- **Inside** is TOST, two one-sided tests: c - d <= mean - c_n s / sqrt(n), mean + c_n s / sqrt(n) <= c + d
  (Schuirmann 1987, J. Pharmacokinet. Biopharm. 15). To be called reproduced, a claim must be shown to hold; that
  nothing speaks against it is not enough.
- **Outside** is an accusation. p = adjusted P(T > distance to the nearer edge) + adjusted P(T > distance to the
  farther edge), in standard errors s / sqrt(n) (Hodges and Lehmann 1954, J. R. Stat. Soc. B 16). For a band wider than
  the interval the second term is next to nothing, and p <= 0.05 says just that the interval lies outside. For a band
  much narrower than the noise it is what keeps the error at 5 %: a point is missed on two sides.
- **The published number is itself n_claim noisy runs**, one where their number is not known. So an accusation of a
  stated gain also needs it to lie outside what so many further runs of this pipeline would give: the two-sided
  prediction test T = (c - mean) / (s sqrt(1 / n + 1 / n_claim)) (Hahn and Meeker 1991, Statistical Intervals, 4.8),
  adjusted for the looks. The p value of the accusation is the larger of the two.
- A claim with one end ("at most", "above") has an endless band on the other side, and no published number.
- **A share of recipes.** "At least K of m recipes gain more than a threshold" is confirmed by the partial conjunction
  test p = max over j <= K of min(1, (m - j + 1) p_(j)), p_(j) being the ordered, adjusted one-sided p values of the
  recipes; it is refuted by the same test that m - K + 1 recipes do not (Benjamini and Heller 2008, Biometrics 64).
  Both hold however the recipes depend on each other, and they do: all share the baseline.
- **Collapsed cells.** A claim that rests on a cell whose model did not learn is decided only where the verdict is the
  same with the cell, without its seed, and with the median of its other seeds in its place; else INCONCLUSIVE.
- **Direction** asks whether the interval lies on one side of zero: "up" is false at most 5 % of the time over all
  looks, and so is "down".
- **Whenever you like.** For readers who look at other times there is an interval that holds at every number of seeds
  at once, with no looks planned: mean -+ s sqrt(q (n - 1) / n) with q = (k - 1) / (1 - k a / (n + a)),
  k = (10 sqrt((n + a) / a))^(2 / n) and a = 0.1, the means that a t test mixed over normal effect sizes doesn't refute
  (an e-process: Wang and Ramdas, arXiv 2310.03722). It is wider, is shown by `harness verify ID --explain`, and decides
  nothing."""

HOLM = """## Several claims at once

Each claim alone is accused falsely at most 5 % of the time. Of ten true claims one is then accused falsely much
more often. So the p values of the registry's claims go through Holm's step-down (Holm 1979, Scand. J. Stat. 6): the
smallest p value times the number of claims m, the next times m - 1, and so on, none smaller than the one before. An
accusation whose adjusted p value is over 0.05 becomes INCONCLUSIVE, and its reasons give both values. This holds
however the claims depend on each other. The family is the registry's, also where `harness verify ID` prints one claim,
and a claim that could not be tested counts with p = 1: leaving claims, recipes or cells out makes no family smaller, so
no choice of what to look at buys a word. The same holds of replications: their family are both directions of every
measured claim out of scope. REPRODUCED is not adjusted: it is an error about one claim."""

GAIN = """A gain averaged over nine targets, with one published run. Scores are normal and nothing goes wrong."""

COLLAPSES = (
    """The same where 1 % of all cells lose 35 points: the margin is 1.5 points, and a gain rests on 18 cells a seed."""
)

LANGUAGES = """A mean over targets of the mean gain over those languages of a group that the target is tested in, with
one published run. The languages of one cell come from one model: they share half of their variance over seeds, and
where the model collapsed all of them lose 35 points. Spreads in points are those of the gain."""

NO_GAIN = """"At most": the mean over nine recipes on one target, ten cells a seed. Truth 0 is one margin below the
threshold, 1 is at it. The claim states no number and its threshold was fixed before running, so there is no noisy
published number to measure; nor is there for a comparison or a share of recipes."""

COMPARE = """"Above": the mean over three recipes and nine targets less their variants, 54 cells a seed. Truth 0 is one
margin above zero, 1 is at zero. The claim says which is higher, not by how much: no published number, so no noisy
one."""

SHARE = """Recipes are compared with one baseline, which correlates their gains by a half. The worst cases are shown:
all recipes but those in doubt lie 4 margins from the threshold, on the side that makes an error easiest. Truth 0: those
in doubt lie one margin above the threshold; 1: at it; 1.5 and 2: half a margin and one below. Threshold and share were
fixed before running and no gain is published, so there is no noisy published number."""

SHARE_MANY = """The same with a smaller share, where more recipes can pass by luck."""

CHOOSING = """Each of nine targets takes the best of ten recipes and `none`, with a published number that lies so many
margins below what one run of the published procedure gives here: train each once, choose once, report once on other
rows. Seven targets choose by development sets, two by half of their items. Today's rule lets each seed be one such run.
The replaced one chose by the mean over seeds, or by the other seeds, and so measured something else: with tied
candidates what chance favours in one run is gone from a mean, and more seeds make that worse."""

CHOOSING_COLLAPSES = """The same where 1 % of all cells lose 35 points, in what chooses and in what is reported; 99
cells a seed. Choosing avoids a candidate that collapsed, but not a collapsed `none`, over which the gain is then large.
So gains have one long tail, and published numbers on both sides are shown. The truth is what one run gives on average,
its collapses counted."""

CHOOSING_SOUND = """The same studies, but the truth is what one run gives on average where nothing collapses: how a
reader would take a published number whose runs were looked at."""

CHOOSING_NOISY = """The published number is one run of the procedure, which gives so many margins less than ours on
average: as for a gain, below. Over a published row, the number is that run's score less a published baseline, one run
too, which lies a margin lower than our `none`. Today's rule takes our scores less the same row, so that it cancels; the
replaced one compared with `none` of our own run."""

SPLITS = """A gain that was published on development sets. Today's rule decides where it gives the same word with
development sets in place of the test sets of the targets that have both; the replaced one went by test sets alone. The
true gains on development and on test sets lie so many margins from the claim. A verdict is an error here where it is
false of either of the two: REPRODUCED where one lies outside the band, NOT_REPRODUCED where one lies within.
Development and test scores of one model share 80 % of their variance over seeds. The published number is exact, or one
noisy run on development sets."""

UNSEEN = """The same where five of nine targets have development sets, as of the published data, and the gain on
development sets differs as much on the other four, whose sets lack languages or are the test sets."""

REPLICATIONS = """Out of its scope a claim gets no verdict, but HOLDS HERE where what it says is shown of what was
measured, OPPOSITE HERE where the opposite is, else OPEN HERE. There was no such word before; *replaced* is here what
one would do by hand, a one-sided 5 % test of each claim by itself, with the seeds that there are. Today's words hold by
Holm's step-down over both directions of all claims. One claim alone, or ten: gains over one baseline, or "no gain" and
nine of those. The first claim's truth lies so many margins on the claimed side of 0, for "no gain" below its threshold;
that of all others is 0, where both words are false. So "no gain" holds here only where its upper bound lies below the
threshold. *Any false one*: of studies with a false word on any claim. Such a claim's published number plays no part, so
there is no noisy one; a share of recipes uses the p values of its verdict, and the best recipe has no such word. All
targets count here: that a replication leaves some out (reference/design.yaml) is not simulated."""

OVER_COLLAPSES = """The verdict supposes that whoever runs cells sees which collapsed: status `collapsed` keeps the
rate. Where none is named, look for a seed whose gain stands far off."""

OVER_UNSEEN = """No rule sees a difference on rows that are not there. `harness verify ID --explain` shows which targets
have development sets, and the gains on both; a claim of which few do is one on test sets alone."""

OVER_SHAPES = """Look at the gains seed by seed before a verdict is quoted; one that stands far off is worth more than
the interval."""

WAYS = """How often the 90 % t interval of one target's gain covers what one run of the procedure gives on average, with
ten tied recipes and none, in per cent. Choosing once by the mean over all seeds is another procedure than one run's,
and its seeds share a choice: its interval covers less the more seeds there are. So each seed chooses for itself."""

NOISY = """Our pipeline and the published one have true gains that differ by so many margins of 1.5 points, and the
published number is one run with the same spread as ours. *All*: the verdict falls, on a number that may lie
anywhere. *False*: REPRODUCED where our true gain lies outside the margin of the published number; NOT_REPRODUCED where
it lies within, and in every case where the two pipelines are the same (difference 0)."""

FAMILY = """Gains over a common baseline, spread half a margin. First all claims hold, each at the edge of its band, the
worst case: families in which a true claim is accused. Then one is wrong by 2 margins and the others hold exactly: how
often it is accused, which is what Holm costs. Stopping: each claim keeps the first verdict that was decided."""

LOOKING = """The truth lies at the edge of the band, so REPRODUCED is an error: per cent, with the upper 95 % bound in
brackets."""

PREDICTION = """How often the 95 % prediction interval of one look holds the mean of n_claim further runs, in per cent.
It is shown beside a verdict; an accusation uses the same formula at the level of its look."""

REDRAW = """A re-run of 135 cells on other hardware is another draw of each. Three kinds of comparison share one 5 % by
Bonferroni: every cell's score, every cell's items, and every target's changes together. A cell's tolerance is
t(1 - a / 2m) s sqrt(2), s being the spread of its pair's pinned seeds, moderated by those of its recipe and target
(Smyth 2004, Stat. Appl. Genet. Mol. Biol. 3); a cell that moved over half the way to the constant answer is left open
at best. The replaced tolerance pooled spreads over a target's recipes as if all were alike. An alarm in a sound re-run
is an error, whatever it names; in a changed one it counts where it names what was changed. Left open: no alarm, but a
cell is neither accepted nor accused."""

SHAPES = """The intervals suppose normal gains. A stated gain again, drawn as one value a seed; all distributions have
the same mean and standard deviation."""

READING = """## How to read the rates

Rates are in per cent, replaced rule → today's, on the same studies. Truth: distance of the true value from
the claim in margins; at 1, the edge of the band, both verdicts are errors. Spread: standard deviation of one seed's
value. A column per look, and *stopping*: looking after each seed from three on, to stop at the first decided verdict.
Bold: the verdict is an error there. The last column is the upper 95 % bound of the highest of these error rates, so it
bounds each of them."""

LIMITS = """## Limits

- **Test sets are judged, also where the published number is one of development sets.** Where targets have both, both
  must agree; of the others a verdict supposes that the gain on both is about as large, and the margin has no term for
  it. `harness verify ID --explain` shows the gain on development sets beside, over the targets that have one in every
  language.
- **Eight seeds can't show whether gains are normal**, and the interval supposes it. What other distributions do is
  measured above, not assumed.
- **The number of seeds asked for is a projection.** It takes the measured mean and spread for the true ones; the
  true spread may be 0.6 to 4.4 times what three seeds show.
- **A single published run can rarely be refuted.** Where seeds spread by a margin or more, no number of ours says
  much about one of theirs; the tables show how little.
- **A seed is a repetition of the whole pipeline.** Languages, targets and cells that share a checkpoint are not
  further draws; the spread is over seeds only. It says nothing about other data or other hyperparameters.
- **The band is a judgement.** Where the source gives no spread, the margin is what matters in practice, and the
  reason stands in the registry.
- **A best-of claim** is judged by what one run of its procedure gives, for these candidates and these test rows. What
  other rows would choose is not in its interval. If several runs stand behind the published number, its choice hung
  less on chance than one run's; the verdict doesn't correct for that."""
