"""What was tried for each goal that the shipped router misses, run anew on the folds and seeds of `evaluate`."""
