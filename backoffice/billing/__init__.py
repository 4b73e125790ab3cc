"""What finance takes away: exports of CDRs, when they are made, and what was in them."""
