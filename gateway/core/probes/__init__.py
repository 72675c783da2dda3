"""Tasks that are made and graded by rule, to find out how able a model is. Pure: the same seed gives the same tasks."""
