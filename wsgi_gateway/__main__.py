"""``python -m wsgi_gateway``: the wsgi-gateway command."""

from wsgi_gateway.cli import main

if __name__ == "__main__":
    main(prog_name="wsgi-gateway")
