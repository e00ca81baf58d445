"""The ground floor: values and seams that every other room stands on."""
