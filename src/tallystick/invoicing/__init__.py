"""Invoices: charges and credits assembled into a tree of lines that adds up, and the states of an invoice."""
