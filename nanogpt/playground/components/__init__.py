"""The drawn parts of the page: each a Python function, a template, a style sheet and a script that share one name.

They take characters and numbers and know no model. Data travel as JSON in `value` and are drawn as text nodes and
pixels, never as HTML: the templates are constants. loader.py builds a part from its files; shared.js holds what the
scripts have in common.
"""
