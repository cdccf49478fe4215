"""Mixed load from several drivers while clients, backends, workers and the database are killed."""
