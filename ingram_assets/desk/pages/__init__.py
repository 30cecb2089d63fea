"""What people see of the desk, a file for each page."""
