"""Signatures of the endpoints: their sampling settings are written out, one parameter each.

Knows the fields of `SamplingParams`; knows no model and no endpoint.
"""

import inspect
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import aclosing
from dataclasses import fields
from functools import wraps
from typing import Any

from nanogpt.generation.sampling import SamplingParams
from nanogpt.playground.limits import refused

Endpoint = Callable[..., Any]


def with_settings(leave_out: Collection[str] = (), **defaults: Any) -> Callable[[Endpoint], Endpoint]:
    """Write `**settings` of an endpoint out as the fields of `SamplingParams`: Gradio reads signatures and docstrings.

    A new sampling setting so becomes a parameter of the endpoints by itself. `defaults` replace those of the fields.
    A ValueError becomes the message that the client reads.
    """
    settings = [f for f in fields(SamplingParams) if f.name not in leave_out]

    def decorate(function: Endpoint) -> Endpoint:
        own = inspect.signature(function)
        named = [p for p in own.parameters.values() if p.kind is not p.VAR_KEYWORD]
        added = [
            inspect.Parameter(
                f.name, inspect.Parameter.KEYWORD_ONLY, default=defaults.get(f.name, f.default), annotation=f.type
            )
            for f in settings
        ]
        before = [p for p in named if p.kind is not p.KEYWORD_ONLY]
        order = [*before, *added, *named[len(before) :]]
        signature = own.replace(parameters=[p.replace(kind=p.POSITIONAL_OR_KEYWORD) for p in order])

        def bound(values: tuple[Any, ...], more: dict[str, Any]) -> dict[str, Any]:
            given = signature.bind(*values, **more)
            given.apply_defaults()
            return given.arguments

        if inspect.isasyncgenfunction(function):

            @wraps(function)
            async def endpoint(*values: Any, **more: Any) -> AsyncIterator[Any]:
                with refused():
                    async with aclosing(function(**bound(values, more))) as answers:
                        async for answer in answers:
                            yield answer
        else:

            @wraps(function)
            def endpoint(*values: Any, **more: Any) -> Any:
                with refused():
                    return function(**bound(values, more))

        endpoint.__signature__ = signature  # type: ignore[attr-defined]
        endpoint.__annotations__ = {**function.__annotations__, **{f.name: f.type for f in settings}}
        endpoint.__annotations__.pop("settings", None)
        lines = "".join(f"\n            {f.name}: {f.metadata['help']}." for f in settings)
        endpoint.__doc__ = f"{(function.__doc__ or '').rstrip()}{lines}\n"
        return endpoint

    return decorate
