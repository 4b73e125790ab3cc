"""Published tariffs, ours and partners': the list, the page of one, comparison, schedule, assignment, import."""
