"""What people see: each view turns what the engine says into text."""
