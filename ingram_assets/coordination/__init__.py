"""What several runs share, on whichever machine they are: in the schema `scraper` of the queue."""
