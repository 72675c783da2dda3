"""Load tests: a simulated model server, a load driver, a side-by-side comparison, and the price of every stage."""
