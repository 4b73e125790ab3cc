"""What a tariff costs, for people: what a reader asks for (`asked`), what comes of it (`figures`), what is wrong (`remarks`)."""
