"""The commands of `taskproc`, a file each, whose function of the same name Typer makes a command of."""
