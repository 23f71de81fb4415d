"""A stand-in for the Python monolith: the agent API of the contract, and a few routes that are not agents."""
