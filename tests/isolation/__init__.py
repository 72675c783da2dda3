"""Many tenants who ask the same on one cache: nobody is given an answer that is not its own."""
