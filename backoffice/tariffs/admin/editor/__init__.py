"""Drafts: begin one, edit it with everything it comes to beside it, publish it."""
