"""The processes of one gateway: a supervisor, its workers, the watch, and the bus between them."""
