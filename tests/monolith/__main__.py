"""Makes `python tests/monolith` start the stand-in, from whatever folder."""

from coordinator.server import main

main()
