"""Reports for management, audit and the authority."""
