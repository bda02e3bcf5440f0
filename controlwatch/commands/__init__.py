"""One file = one command of ``controlwatch``; only the command that is called is loaded."""
