"""The key to the tint is a constant."""

from nanogpt.playground.components.surprise_legend import surprise_legend


def test_the_legend_has_no_script_and_no_data() -> None:
    made = surprise_legend()
    assert made.js_on_load is None
    assert made.value is None
    assert "bits" in str(made.html_template)
