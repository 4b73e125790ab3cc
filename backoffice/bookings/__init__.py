"""Charging booked ahead (`mod_bookings`): what can be booked at our locations, who has which space when, what drivers
of ours asked of partners. That a charge begins on a booking, and what it costs, is decided here too; how it runs is
`sessions`' business.
"""
