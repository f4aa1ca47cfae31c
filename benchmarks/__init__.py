"""What a task costs, side by side with the least that one would write by hand: `python -m benchmarks`."""
