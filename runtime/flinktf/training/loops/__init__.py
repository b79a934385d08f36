"""One training loop for each distribution strategy; :func:`flinktf.fit` chooses."""
