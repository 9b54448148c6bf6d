"""Read and write files safely: check paths, write atomically, and limit what untrusted input may contain."""
