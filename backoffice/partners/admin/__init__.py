"""The staff's door to partners: connections with their health, the wizard, our own companies, claimed roles.

`connections` is the list and its pages, `page` gathers what the detail tabs show, `buttons` is the table of everything that
staff may do to a connection, `wizard` makes a new one, `parties` holds companies and claims.
"""

from backoffice.partners.admin import connections, parties

__all__ = ["connections", "parties"]
