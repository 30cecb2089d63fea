"""What the tests share: servers' helpers, stand-ins, makers of pages and titles, oracles. No tests."""
