"""Networks, losses and corruption of inputs, in plain torch."""
