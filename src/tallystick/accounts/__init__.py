"""Who is billed: customers, their accounts, the aliases and the price plans of an account over time."""
