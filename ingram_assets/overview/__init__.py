"""What a person is shown of the shop's state, and may ask of it: gathered once, for terminal and pages."""
