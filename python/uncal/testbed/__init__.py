"""A small world where truth is known, and a small model of it, to try objectives on in minutes."""
