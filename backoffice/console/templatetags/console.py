"""The cells for templates: `{% since row.at %}`, `{% state row.status %}`, `{% copyable row.uid %}`, `{% json_panel tree %}`."""

from django import template

from backoffice.console import cells

register = template.Library()
register.simple_tag(cells.since)
register.simple_tag(cells.copyable)
register.simple_tag(cells.state)
register.simple_tag(cells.json_panel)
register.filter("span", cells.span)
register.filter("word", cells.word)
