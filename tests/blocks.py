"""Gradio's Blocks without a server."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import gradio as gr

T = TypeVar("T")


def built(make: Callable[[], T]) -> T:
    """What `make` builds inside an event loop: outside one, each Blocks would make its own and never close it."""

    async def inside() -> T:
        return make()

    return asyncio.run(inside())


def in_blocks(make: Callable[[], T]) -> T:
    """What `make` builds inside a page of its own."""

    def inside() -> T:
        with gr.Blocks(analytics_enabled=False):
            return make()

    return built(inside)
