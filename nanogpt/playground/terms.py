"""The technical words of the page, each explained in one or two sentences, and what shows the explanations.

The words stand in terms.json. Any element with `data-term="temperature"` is explained: by hovering over it, by tapping
on it, or by pressing "?" in the control that it labels. A dialog lists all words; a click on the element with the id
`words` opens it. terms.js does both, on the whole page, for components and for Gradio's own parts.
"""

import json
from pathlib import Path


def read_terms() -> dict[str, str]:
    """The word → its explanation, in alphabetical order."""
    terms: dict[str, str] = json.loads(_beside("terms.json"))
    return terms


def terms_head() -> str:
    """What the page's head needs: the style, the words and the script, each in the document itself."""
    table = json.dumps(read_terms(), ensure_ascii=False).replace("<", "\\u003c")  # no end of the script in it
    script = "{\nconst TERMS = " + table + ";\n" + _beside("terms.js") + "}"  # a block keeps its names to itself
    return f"<style>{_beside('terms.css')}</style>\n<script>{script}</script>"


def _beside(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
