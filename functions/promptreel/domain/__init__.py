"""What a film job is: values, rules and arithmetic. No I/O, no clock, no vendor."""
