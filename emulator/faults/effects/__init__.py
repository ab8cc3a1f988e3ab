"""The effects of faults, a module for each kind; ``faults.vocabulary`` lists them."""
