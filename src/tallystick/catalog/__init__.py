"""What can be metered and sold: event schemas, usage meters, add-ons, features and price plans."""
