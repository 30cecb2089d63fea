"""The scraper's code location: reads iPage, keeps covers, writes the queue."""
