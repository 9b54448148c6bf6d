"""How well codes separate classes with few labels."""
