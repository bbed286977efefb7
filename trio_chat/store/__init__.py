"""Where the log lives: `base` states the promises, the other modules keep them."""
