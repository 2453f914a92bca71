"""What is looked for, said as it was understood and embedded: no torch where the encoder of words needs none."""
