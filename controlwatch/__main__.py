"""``python -m controlwatch``."""

from controlwatch.cli import main

if __name__ == "__main__":
    main()
