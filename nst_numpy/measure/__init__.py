"""What a run costs before it starts, how fast this machine is, and are the gradients right."""
