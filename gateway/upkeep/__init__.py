"""What is kept fresh while the gateway runs: the policy bundle and the catalogues of the databases."""
