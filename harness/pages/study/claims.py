"""The page's section on the claims: what holds here of what was measured, and what could have been seen."""

from __future__ import annotations

from collections.abc import Sequence

from harness.pages.markdown import markdown_table
from harness.pages.study.answer import in_scope
from harness.pages.study.forest import drawn_claims
from harness.pages.study.parts import is_held, was_tested
from harness.pages.study.record import Study
from harness.project.params import BASELINE
from harness.verify.show.table import by_reason, in_order, show_interval, show_points
from harness.verify.statistics.decision import POWER
from harness.verify.verdicts.planted import published
from harness.verify.verdicts.replication import TESTED_WITHOUT
from harness.verify.verdicts.verdict import ClaimVerdict

NOT_TOLD = "not told"
FACT_WORDS = {"CONFIRMED": "fact: confirmed", "REFUTED": "fact: refuted"}


def claims_section(study: Study, picture: str) -> str:
    """Tables of the claims with what they mean, the forest plot, and what stands in the way of a verdict."""
    verdicts = in_order(published(study.verification.claims))
    measured = [verdict for verdict in verdicts if not verdict.is_unmeasured]
    facts = [verdict for verdict in verdicts if verdict.is_unmeasured]
    headers = ("claim", "its words", "here", "expected", "measured", "interval", "where it decides", "its interval",
               "seeds", f"seen at {POWER:.0%}: alone / with Holm")  # fmt: skip
    parts = [
        "## The claims",
        _standing(study),
        markdown_table(headers, [_row(study, verdict) for verdict in measured], "lll"),
        _legend(study),
    ]
    if drawn_claims(study):
        parts += [f"![Each claim with its measured values]({picture})", _caption(study)]
    parts += ["\n".join(f"- {line}" for line in lines)] if (lines := _notes(measured)) else []
    if facts:
        parts += [
            _on_facts(facts),
            markdown_table(
                ("claim", "its words", "", "expected", "found"), [_fact_row(fact) for fact in facts], "lllll"
            ),
        ]
    return "\n\n".join(parts)


def _standing(study: Study) -> str:
    if in_scope(study):
        return "Encoder and data are those of the claims: the words under *here* are the verdicts of `harness verify`."
    return (
        "None of these claims is decided here: they speak about another encoder or other data, or need cells that are "
        f"not there. `harness verify` says of the same results: {study.verification.answer}."
    )


def here(verdict: ClaimVerdict) -> str:
    """The replication word of a claim out of scope, the verdict of one in its scope."""
    if verdict.replication is not None:
        return verdict.replication
    return NOT_TOLD if verdict.verdict == "NOT_TESTED" else verdict.verdict


def _row(study: Study, verdict: ClaimVerdict) -> tuple[str, ...]:
    share, decides, sees = verdict.is_share, verdict.replicated, study.sees.get(verdict.id)
    seen = "-"
    if sees:
        seen = f"{sees.alone_points:.1f}" + (f" / {sees.family_points:.1f}" if sees.family_points is not None else "")
    return (
        verdict.id,
        _words(verdict),
        here(verdict),
        (verdict.expected or "-").replace("+-", "±"),
        show_points(verdict.measured, share),
        show_interval(verdict.interval, share),
        show_points(decides.mean) if decides else "-",
        show_interval(decides.interval) if decides else "-",
        _seeds(verdict),
        seen,
    )


def _words(verdict: ClaimVerdict) -> str:
    """The claim's words; some are kept only in part, and end without a full stop."""
    return verdict.text if verdict.text.endswith(".") else f"{verdict.text} …"


def _seeds(verdict: ClaimVerdict) -> str:
    sound = "" if verdict.sound_seeds is None or not was_tested(verdict) else f" ({verdict.sound_seeds} sound)"
    return f"{verdict.n_seeds or '-'}{sound}"


def _legend(study: Study) -> str:
    """What the columns of the table of claims mean; each sentence stands only where it is needed."""
    parts = ["Intervals are adjusted for looks (docs/verifier.md)."]
    if not in_scope(study):
        parts.append(
            "*Here*: what the claim says is shown of what was measured (HOLDS HERE), its opposite is (OPPOSITE HERE), "
            "or neither (OPEN HERE), by Holm's step-down over both directions of all measured claims; it is no "
            f"verdict. {NOT_TOLD.capitalize()}: cells are lacking, or each target takes its best recipe, which gives a "
            "gain by itself."
        )
        parts += _on_deciding(study)
    parts += _on_sound(study)
    if study.sees:
        holm = "" if in_scope(study) else " alone and by the strictest step of Holm's"
        parts.append(
            f"*Seen at {POWER:.0%}*: the smallest true effect in points that so many seeds would show with that "
            f"probability, tested{holm or ' alone'}, where one seed's value scatters as it does here (moderated over "
            "the claims, as `harness plan --power` does; few seeds say little of a spread). An effect counts from "
            "zero, or from the threshold where a claim says that there is no gain. A smaller one can be there unseen."
        )
    return " ".join(parts)


def _on_deciding(study: Study) -> list[str]:
    d = study.deciding
    if not d.left_out:
        return []
    parts = [f"retrieval ({', '.join(d.retrieval)})"] if d.retrieval else []
    parts += [f"what `{BASELINE}` never learnt ({', '.join(d.unlearnt)})"] if d.unlearnt else []
    return [
        f"*Where it decides*: a claim on these and other targets is tested without {' and without '.join(parts)} "
        "(`replication_over` in reference/design.yaml); -: by its measured value, or not at all."
    ]


def _on_sound(study: Study) -> list[str]:
    """What collapsed cells do to the claims, where they do anything."""
    theirs = published(study.verification.claims)
    if not any("sound" in _seeds(verdict) for verdict in theirs):
        return []
    held = [verdict.id for verdict in theirs if was_tested(verdict) and is_held(verdict, study.design)]
    none = f": so nothing could be shown of {', '.join(held)}, whatever its size" if held else ""
    return [
        "*Sound*: seeds at which none of the claim's cells that decide collapsed. What is shown must be shown on these "
        f"alone too, and at least {study.design.looks[0]} are needed{none}."
    ]


def _caption(study: Study) -> str:
    left = [v.id for v in published(study.verification.claims) if v.is_share and v.measured is not None]
    shares = f" Not drawn, being shares of recipes: {', '.join(left)}." if left else ""
    return (
        "Grey: what is claimed, with its margin. Blue: the mean over all targets of the claim, its interval adjusted "
        "for looks, and below it each seed. Orange: the same where it decides whether the claim holds here. Filled: "
        f"the interval excludes 0.{shares}"
    )


def _notes(verdicts: Sequence[ClaimVerdict]) -> list[str]:
    """What stands between the measurements and a verdict, and other recipes that a claim could mean."""
    reasons = {  # what the table says with its numbers is not said again
        reason: names for reason, names in by_reason(verdicts).items() if not reason.startswith(TESTED_WITHOUT)
    }
    lines = [f"{', '.join(names)}: {reason}" for reason, names in reasons.items()]
    for verdict in verdicts:
        lines += [f"{verdict.id}: {recipe}, which the claim could mean too, gains {show_points(gain)}"
                  for recipe, gain in verdict.beside.items()]  # fmt: skip
    return lines


def _on_facts(facts: Sequence[ClaimVerdict]) -> str:
    confirmed = [fact.verdict for fact in facts].count("CONFIRMED")
    return (
        f"Of {len(facts)} claims that no run decides {confirmed} are confirmed: the pins of the published files decide "
        "them, and `harness verify` prints the evidence."
    )


def _fact_row(verdict: ClaimVerdict) -> tuple[str, ...]:
    word = FACT_WORDS.get(verdict.verdict, "fact: undecided" if verdict.is_fact else "can't be re-run")
    return verdict.id, _words(verdict), word, verdict.expected or "-", verdict.found or "-"
