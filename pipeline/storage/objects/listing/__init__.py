"""What is below a folder or a prefix, in flat memory."""
