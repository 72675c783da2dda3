"""`python -m gateway` is `tiergate`."""

from gateway.app.cli import main

if __name__ == "__main__":
    main()
