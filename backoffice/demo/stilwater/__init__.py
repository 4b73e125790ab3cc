"""The third company of the demo, with a back office in bad order: on OCPI 2.2.1, silent when it is asked whether a card may
charge, and careless with its CDRs. So that the failures that a partner causes are there to be seen, each caused over HTTP.

It is played from a script (`documents`: what it says, `platform`: its doors, `charges`: its own calls) and keeps nothing. It uses
none of our models and stores: what it knows of us it was told as any partner is.
"""
