"""What is computed from codes: arrays in, a frozen result out; no files, no drawing."""
