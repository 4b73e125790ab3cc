"""What is done with terminals: keep what they say, take what a provider tells, have it change one, and provide our own."""
