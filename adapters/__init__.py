"""One folder for each kind of database: everything that knows it, and nothing else does."""
