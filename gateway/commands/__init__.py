"""The commands of `menshen`, one module each: `register` describes it to argparse, `run` does it."""
