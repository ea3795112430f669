"""The laboratory's languages as `harness degradation` sees them: each with the resources of a real language.

The laboratory package builds its world when it is imported, so it is imported only where a laboratory is asked about.
"""

from __future__ import annotations

from collections.abc import Mapping

from harness.project.errors import HarnessError
from harness.verify.languages.registration import LANGUAGES_FILE, Language


def laboratory_source() -> str:
    """The laboratory's language that recipes are trained in."""
    from harness.data.lab.languages import SOURCE_LANGUAGE

    return SOURCE_LANGUAGE


def laboratory_languages(real: Mapping[str, Language]) -> dict[str, Language]:
    """Code -> the resources of the real language whose corpus size the constructed one borrows.

    `real`: reference/languages.yaml. Nothing is generated: the laboratory's table of languages says it. Raises
    HarnessError where the two tables disagree.
    """
    from harness.data.lab.languages import LANGUAGES

    by_name = {language.name: language for language in real.values()}
    found = {}
    for code, constructed in LANGUAGES.items():
        lender = by_name.get(constructed.size_of)
        if lender is None or (lender.cc100_gib or 0.0) != constructed.size_gib:
            raise HarnessError(
                f"expected {constructed.size_of} with {constructed.size_gib} GiB in {LANGUAGES_FILE}, as {code} has it,"
                f" found {lender.cc100_gib if lender else 'no such language'}",
                fix=f"run `git checkout reference/{LANGUAGES_FILE}`",
            )
        found[code] = lender
    return found
