"""The drawn parts of the page: each a Python function, a script and a style sheet that share one name.

They take characters and numbers and know no model. Data travel as JSON in `value` and are drawn as text nodes
and pixels, never as HTML: the templates are constants.
"""
