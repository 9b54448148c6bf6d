"""The process: its threads, its siblings, its progress, the optional packages it finds."""
