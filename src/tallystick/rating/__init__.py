"""Usage and time priced by rate cards: charges, exact and not yet rounded, that can explain themselves."""
