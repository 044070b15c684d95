"""The page: `build_app(zoo)`. Gradio is known here, in the modules beside this one, and in app.py."""

from nanogpt.playground.assembly import build_app, launch_options

__all__ = ["build_app", "launch_options"]
