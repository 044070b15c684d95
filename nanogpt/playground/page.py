"""What the parts of the page tell each other while it is built: the state that a link holds, and the text just written.

Knows components and checks; knows no tab.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from nanogpt.playground.comparison import Comparer
from nanogpt.storage.zoo import Zoo

Update = dict[Any, Any]  # component → its new value or properties


@dataclass(frozen=True)
class Linked:
    """A component whose value a link holds, and what turns the link's text into a checked value."""

    component: Any
    read: Callable[[str], Any]


@dataclass
class Page:
    """A page that is being built: each tab adds to it what the others, and links, need of it."""

    zoo: Zoo
    comparer: Comparer = field(init=False)
    linked: dict[str, Linked] = field(default_factory=dict)  # name in the link → component, in the link's order
    menus: list[gr.HTML] = field(default_factory=list)  # menus of models, filled anew when a page opens
    refits: list[Callable[[dict[str, Any]], Update]] = field(default_factory=list)  # what follows from a link's values
    refitted: list[Any] = field(default_factory=list)  # the components that these set
    prompt: Any = None  # the beginning on the Compare tab
    panels: Sequence[gr.HTML] = ()  # the texts on the Compare tab
    trail: Any = None  # the trail of beginnings, which the browser keeps
    restore: Callable[[Any], Update] = lambda trail: {}  # the parts that show a trail
    restored: list[Any] = field(default_factory=list)  # these parts
    run_after: Any = None  # given an event's listener, lets a run follow it
    complete: Any = None  # registers a listener for the completion of runs

    def __post_init__(self) -> None:
        self.comparer = Comparer(self.zoo)

    def add_menu(self, menu: gr.HTML, key: str = "") -> gr.HTML:
        """A menu of the zoo's models; with `key`, a link holds its choice."""
        self.menus.append(menu)
        if key:
            self.linked[key] = Linked(menu, self.read_model)
        return menu

    def read_model(self, name: str) -> str:
        """A model's name if the zoo has it. Raises ValueError."""
        return self.zoo.outline(name).name


def told(event: gr.EventData, name: str) -> Any:
    """What an event tells under this name; None if it does not. It is checked like any other value of a visitor."""
    return event._data.get(name) if isinstance(event._data, dict) else None


def changed(part: gr.HTML, **properties: Any) -> gr.HTML:
    """An update of a drawn part that names all its properties.

    Gradio 6.31 forgets those that an update does not name where the part is not on the page yet: in a closed tab, a
    closed accordion, or a hidden column.
    """
    return gr.HTML(**{**part.props, **properties})
