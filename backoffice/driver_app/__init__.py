"""The eMSP's side of drivers' apps: find a charger, ask what it costs, start, stop, reserve, follow the charge, get the receipt.

No table: everything that an app asks for is read of, or done by, the rooms below. What belongs to another eMSP does not exist
for an app.
"""
