"""The key to the marks in the texts is a constant."""

from nanogpt.playground.components.legend import legend


def test_the_legend_has_no_script_and_no_data() -> None:
    made = legend()
    assert made.js_on_load is None
    assert made.value is None
    assert all(f'data-term="{term}"' in str(made.html_template) for term in ("shared", "surprise", "bits"))
