"""How much the page holds; imports nothing heavy, as the help of `aecli detect` says it."""

VIEWS = 100
"""Images that can be enlarged: those with the highest scores, as each of them adds some 200 KB to the page."""
