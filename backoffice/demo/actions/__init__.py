"""The verbs of this room. `loading`: the demo world. `generating`: as many locations as a test of size needs. `meeting`: the
two platforms of the demo become partners.
"""
