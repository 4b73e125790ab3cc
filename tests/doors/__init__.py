"""The OCPI doors as a partner meets them: requests in, answers and rows out."""
