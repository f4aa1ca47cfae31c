"""The command line of taskproc: it asks the engine, and tells people what came of it."""
