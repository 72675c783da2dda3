"""Published outcomes of many models on the same prompts, one module per repository they are read from."""
