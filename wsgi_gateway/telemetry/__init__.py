"""What operators see of the gateway. The data path waits for none of it."""
