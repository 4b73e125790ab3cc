"""The staff's side, shared by every app: the admin site, base ModelAdmins, cells, groups and scopes, dashboard, and the forms
that are generated from wire classes.

What a screen of one app shows belongs to that app's admin; decisions and writes belong to actions. Nothing here writes an
exchanged object.
"""
