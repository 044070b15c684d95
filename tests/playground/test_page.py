"""What the tabs leave for links and for each other."""

import gradio as gr
import pytest
from blocks import in_blocks

from nanogpt.playground.page import Page
from nanogpt.storage.zoo import Zoo


def test_a_menu_is_filled_anew_and_stands_in_links_only_by_a_key(zoo: Zoo) -> None:
    page = Page(zoo)
    one, two = in_blocks(lambda: (page.add_menu(gr.HTML()), page.add_menu(gr.HTML(), key="judge")))
    assert page.menus == [one, two]
    assert list(page.linked) == ["judge"]
    assert page.linked["judge"].component is two


def test_a_link_names_only_models_of_the_zoo(zoo: Zoo) -> None:
    page = Page(zoo)
    assert page.read_model("gpt") == "gpt"
    with pytest.raises(ValueError, match="Unknown model"):
        page.read_model("../..")
