"""Marks for invisible characters."""

from nanogpt.playground.components.glyphs import named_characters, with_glyphs


def test_named_characters_are_shown_by_their_glyph() -> None:
    assert with_glyphs("to be\n\tO 🙂 é") == "to␣be↵⇥O␣🙂␣é"
    assert with_glyphs("") == ""
    assert {c: entry["name"] for c, entry in named_characters().items()} == {" ": "space", "\n": "newline", "\t": "tab"}
