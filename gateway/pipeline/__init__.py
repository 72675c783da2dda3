"""The journey of a request, in nine stages, and the one interpreter that performs commands."""
