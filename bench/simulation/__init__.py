"""Weeks of a company that does not exist, as records of a trail, with breaches whose records are labelled."""
