"""The pages of `aecli search` and `aecli duplicates`."""
