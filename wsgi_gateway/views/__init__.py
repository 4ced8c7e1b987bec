"""One file per client API: HTTP in, exchange, HTTP out. Nothing is decided here."""
