"""The use cases: one plain function each, one file per resource group. They know no HTTP and never commit."""
