"""What breaks, on purpose: real processes killed, peers that lie or hang, and what is left afterwards."""
