"""What a test of every command needs beside two platforms: a charge-station system that answers as its list says, and a partner
of literal bytes that asks, answers, and posts results.
"""
