"""The steps that bring the tables of the state store from one version to the next."""
