"""What people read: pages and pictures of what the results show."""
