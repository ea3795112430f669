"""What all HTML pages share: one file with style, charts and their code inside, so that it opens offline.

Text of claims, methods and results is data: the templates escape all of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness import __version__

ASSETS = Path(__file__).parent / "assets"
LIBRARIES = ("vega.min.js", "vega-lite.min.js")
"""Vega 6.4.0 and Vega-Lite 6.4.3 as published (assets/LICENSES.txt); a test holds their hashes."""
SYMBOLS: Mapping[str, str] = {
    "REPRODUCED": "✓",
    "CONFIRMED": "✓",
    "NOT_REPRODUCED": "✗",
    "REFUTED": "✗",
    "INCONCLUSIVE": "?",
    "UNDERPOWERED": "~",
    "NOT_TESTED": "∅",
    "INVALID": "!",
}
"""Verdict -> the symbol beside its word."""
QUOTED = re.compile(r"`([^`]+)`")
"""How texts mark a name or a command."""
SOURCE_MAP = re.compile(r"^//# sourceMappingURL=.*$", re.MULTILINE)
"""A line that would have a browser's tools look for a file that is not there."""


def render_page(template: str, charts: Mapping[str, Any], **values: Any) -> str:
    """A template of `assets` that extends page.html.j2, filled in. The same values give the same bytes.

    `charts`: name -> Vega-Lite specification; without any the page carries no code to draw them.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["quoted"] = _quoted
    return environment.get_template(template).render(
        charts=charts,
        libraries=[Markup(SOURCE_MAP.sub("", _asset(name))) for name in LIBRARIES] if charts else [],
        style=Markup(_asset("report.css")),
        script=Markup(_asset("report.js")),
        symbols=SYMBOLS,
        version=__version__,
        **values,
    )


def _quoted(text: str) -> Any:
    """A text as HTML, with what stands between backticks as code."""
    from markupsafe import Markup, escape

    return Markup(QUOTED.sub(r"<code>\1</code>", str(escape(text))))


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")
