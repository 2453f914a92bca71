"""What is looked for: classes, their phrases and the vectors of these."""
