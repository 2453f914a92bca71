"""What is made of an output's scenes one by one, a task each."""
