"""Computations on codes: functions take arrays and return frozen results, and neither read files nor draw."""
