"""What keeps the dependencies up to date and known: locks, licenses, advisories. No part of the wheel."""
