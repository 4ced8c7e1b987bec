"""What clients ask beside a reply: counts, compactions, what is stored. Each is answered with the exchange's means."""
