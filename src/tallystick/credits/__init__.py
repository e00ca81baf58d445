"""Credits: grants that invoices burn, and what each account has left of them."""
