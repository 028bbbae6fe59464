"""Real processes for the end-to-end tests, and clients that talk to them."""
