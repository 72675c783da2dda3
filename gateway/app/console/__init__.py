"""The console: a page for operators, served by the admin listener."""
