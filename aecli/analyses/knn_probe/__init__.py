"""How well codes separate classes when few labels are known."""
