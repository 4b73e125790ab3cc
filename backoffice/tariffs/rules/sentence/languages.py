"""The words of tariff sentences. A language is a row of phrases; the grammar that all share is in `composing`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Language:
    """`{0}` is a price, a time, a number... already written in the language. Names of fields say what it is."""

    code: str
    decimal_mark: str
    percent: str
    days: tuple[str, ...]
    day_range: str
    list_and: str
    plus: str
    otherwise: str
    free_of_charge: str
    energy: str
    energy_free: str
    time_hour: str
    time_minute: str
    time_free: str
    parking_hour: str
    parking_minute: str
    parking_free: str
    flat: str
    flat_free: str
    reserving_hour: str
    reserving_minute: str
    reserving_free: str
    reserving_flat: str
    expires: str
    cancelled: str
    overtime: str
    at_least: str
    at_most: str
    tax_in: str
    tax_in_rate: str
    tax_on_top: str
    tax_on_top_rate: str
    taxes_on_top: str
    taxes_in: str
    no_tax: str
    window: str
    from_date: str
    before_date: str
    after: str
    first: str
    between: str
    kwh_from: str
    kwh_up_to: str
    kwh_between: str
    at_or_above: str
    below: str
    from_below: str
    steps: str
    seconds: str
    minute: str
    minutes: str
    hour: str
    hours: str


ENGLISH = Language(
    code="en",
    decimal_mark=".",
    percent="%",
    days=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    day_range="{0} to {1}",
    list_and=" and ",
    plus=", plus ",
    otherwise="otherwise",
    free_of_charge="Free of charge",
    energy="{0} per kWh",
    energy_free="energy free",
    time_hour="{0} per hour of charging",
    time_minute="{0} per minute of charging",
    time_free="charging time free",
    parking_hour="{0} per hour without charging",
    parking_minute="{0} per minute without charging",
    parking_free="time without charging free",
    flat="{0} per session",
    flat_free="no start fee",
    reserving_hour="{0} per hour of reservation",
    reserving_minute="{0} per minute of reservation",
    reserving_free="reservation free",
    reserving_flat="{0} per reservation",
    expires="if the reservation expires",
    cancelled="if the reservation is cancelled",
    overtime="after the end of the reservation",
    at_least="at least {0}",
    at_most="at most {0}",
    tax_in="VAT included",
    tax_in_rate="{0} VAT included",
    tax_on_top="plus VAT",
    tax_on_top_rate="plus {0} VAT",
    taxes_on_top="plus taxes",
    taxes_in="taxes included",
    no_tax="no VAT",
    window="from {0} to {1}",
    from_date="from {0}",
    before_date="before {0}",
    after="after {0}",
    first="in the first {0}",
    between="between {0} and {1}",
    kwh_from="from {0} kWh on",
    kwh_up_to="up to {0} kWh",
    kwh_between="from {0} to {1} kWh",
    at_or_above="at {0} {1} or more",
    below="below {0} {1}",
    from_below="from {0} to below {1} {2}",
    steps="in steps of {0}",
    seconds="{0} seconds",
    minute="1 minute",
    minutes="{0} minutes",
    hour="1 hour",
    hours="{0} hours",
)
GERMAN = Language(
    code="de",
    decimal_mark=",",
    percent=" %",
    days=("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
    day_range="{0} bis {1}",
    list_and=" und ",
    plus=", zuzüglich ",
    otherwise="sonst",
    free_of_charge="Kostenlos",
    energy="{0} pro kWh",
    energy_free="Energie kostenlos",
    time_hour="{0} pro Stunde Ladezeit",
    time_minute="{0} pro Minute Ladezeit",
    time_free="Ladezeit kostenlos",
    parking_hour="{0} pro Stunde ohne Laden",
    parking_minute="{0} pro Minute ohne Laden",
    parking_free="Zeit ohne Laden kostenlos",
    flat="{0} pro Ladevorgang",
    flat_free="keine Startgebühr",
    reserving_hour="{0} pro Stunde Reservierung",
    reserving_minute="{0} pro Minute Reservierung",
    reserving_free="Reservierung kostenlos",
    reserving_flat="{0} pro Reservierung",
    expires="wenn die Reservierung verfällt",
    cancelled="wenn die Reservierung storniert wird",
    overtime="nach dem Ende der Reservierung",
    at_least="mindestens {0}",
    at_most="höchstens {0}",
    tax_in="inkl. MwSt.",
    tax_in_rate="inkl. {0} MwSt.",
    tax_on_top="zzgl. MwSt.",
    tax_on_top_rate="zzgl. {0} MwSt.",
    taxes_on_top="zzgl. Steuern",
    taxes_in="inkl. Steuern",
    no_tax="ohne MwSt.",
    window="von {0} bis {1} Uhr",
    from_date="ab {0}",
    before_date="vor dem {0}",
    after="nach {0}",
    first="in den ersten {0}",
    between="zwischen {0} und {1}",
    kwh_from="ab {0} kWh",
    kwh_up_to="bis {0} kWh",
    kwh_between="von {0} bis {1} kWh",
    at_or_above="ab {0} {1}",
    below="unter {0} {1}",
    from_below="von {0} bis unter {1} {2}",
    steps="in Schritten von {0}",
    seconds="{0} Sekunden",
    minute="1 Minute",
    minutes="{0} Minuten",
    hour="1 Stunde",
    hours="{0} Stunden",
)
FRENCH = Language(
    code="fr",
    decimal_mark=",",
    percent=" %",
    days=("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
    day_range="du {0} au {1}",
    list_and=" et ",
    plus=", plus ",
    otherwise="sinon",
    free_of_charge="Gratuit",
    energy="{0} par kWh",
    energy_free="énergie gratuite",
    time_hour="{0} par heure de charge",
    time_minute="{0} par minute de charge",
    time_free="temps de charge gratuit",
    parking_hour="{0} par heure sans charge",
    parking_minute="{0} par minute sans charge",
    parking_free="temps sans charge gratuit",
    flat="{0} par session",
    flat_free="sans frais de départ",
    reserving_hour="{0} par heure de réservation",
    reserving_minute="{0} par minute de réservation",
    reserving_free="réservation gratuite",
    reserving_flat="{0} par réservation",
    expires="si la réservation expire",
    cancelled="si la réservation est annulée",
    overtime="après la fin de la réservation",
    at_least="au moins {0}",
    at_most="au plus {0}",
    tax_in="TVA incluse",
    tax_in_rate="TVA de {0} incluse",
    tax_on_top="hors TVA",
    tax_on_top_rate="hors TVA de {0}",
    taxes_on_top="hors taxes",
    taxes_in="taxes incluses",
    no_tax="sans TVA",
    window="de {0} à {1}",
    from_date="à partir du {0}",
    before_date="avant le {0}",
    after="après {0}",
    first="pendant les premières {0}",
    between="entre {0} et {1}",
    kwh_from="à partir de {0} kWh",
    kwh_up_to="jusqu’à {0} kWh",
    kwh_between="de {0} à {1} kWh",
    at_or_above="à partir de {0} {1}",
    below="en dessous de {0} {1}",
    from_below="de {0} à moins de {1} {2}",
    steps="par tranches de {0}",
    seconds="{0} secondes",
    minute="1 minute",
    minutes="{0} minutes",
    hour="1 heure",
    hours="{0} heures",
)
DUTCH = Language(
    code="nl",
    decimal_mark=",",
    percent="%",
    days=("maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag"),
    day_range="{0} tot en met {1}",
    list_and=" en ",
    plus=", plus ",
    otherwise="anders",
    free_of_charge="Gratis",
    energy="{0} per kWh",
    energy_free="energie gratis",
    time_hour="{0} per uur laden",
    time_minute="{0} per minuut laden",
    time_free="laadtijd gratis",
    parking_hour="{0} per uur zonder laden",
    parking_minute="{0} per minuut zonder laden",
    parking_free="tijd zonder laden gratis",
    flat="{0} per sessie",
    flat_free="geen starttarief",
    reserving_hour="{0} per uur reservering",
    reserving_minute="{0} per minuut reservering",
    reserving_free="reservering gratis",
    reserving_flat="{0} per reservering",
    expires="als de reservering verloopt",
    cancelled="als de reservering wordt geannuleerd",
    overtime="na het einde van de reservering",
    at_least="minstens {0}",
    at_most="hoogstens {0}",
    tax_in="inclusief btw",
    tax_in_rate="inclusief {0} btw",
    tax_on_top="exclusief btw",
    tax_on_top_rate="exclusief {0} btw",
    taxes_on_top="exclusief belastingen",
    taxes_in="inclusief belastingen",
    no_tax="zonder btw",
    window="van {0} tot {1}",
    from_date="vanaf {0}",
    before_date="vóór {0}",
    after="na {0}",
    first="in de eerste {0}",
    between="tussen {0} en {1}",
    kwh_from="vanaf {0} kWh",
    kwh_up_to="tot {0} kWh",
    kwh_between="van {0} tot {1} kWh",
    at_or_above="vanaf {0} {1}",
    below="onder {0} {1}",
    from_below="van {0} tot onder {1} {2}",
    steps="in stappen van {0}",
    seconds="{0} seconden",
    minute="1 minuut",
    minutes="{0} minuten",
    hour="1 uur",
    hours="{0} uur",
)

LANGUAGES = {language.code: language for language in (ENGLISH, GERMAN, FRENCH, DUTCH)}
"""By ISO 639-1."""
