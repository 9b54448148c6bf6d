"""The steps of a command or a function of the Python interface: load, compute, save, draw."""
