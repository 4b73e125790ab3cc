"""Where the demo world stands: countries with their habits, towns with their centres, and what is built in each.

The coordinates are those of town centres, written from memory to four digits; sites are scattered around them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Country:
    """`code`, `alpha3`: ISO 3166-1. `socket`: the household socket. `currency`: ISO 4217, part of the tariffs' ids."""

    code: str
    alpha3: str
    language: str
    currency: str
    socket: str
    dialling: str
    time_zone: str
    streets: tuple[str, ...]
    number_first: bool
    arrive: str
    nearby: str
    supplier: str


@dataclass(frozen=True, slots=True)
class Town:
    """A town and its sites by kind (`hardware.KINDS`), in the order of their numbers."""

    country: Country
    name: str
    postal_code: str
    state: str
    latitude: float
    longitude: float
    time_zone: str
    sites: tuple[str, ...]


GERMANY = Country(
    *("DE", "DEU", "de", "EUR", "DOMESTIC_F", "+49"),
    "Europe/Berlin",
    (
        "Bahnhofstraße",
        "Gartenweg",
        "Am Stadtpark",
        "Lindenallee",
        "Hafenstraße",
        "Schillerstraße",
        "Marktplatz",
        "Uferweg",
    ),
    False,
    "Einfahrt von der {street} aus. Die Ladepunkte sind beschildert.",
    "Eingang",
    "Flussland Energie",
)
BRITAIN = Country(
    *("GB", "GBR", "en", "GBP", "DOMESTIC_G", "+44"),
    "Europe/London",
    (
        "Station Road",
        "Mill Lane",
        "Victoria Street",
        "Church Road",
        "Canal Walk",
        "Queensway",
        "Market Street",
        "Elm Grove",
    ),
    True,
    "Enter from {street} and follow the green signs.",
    "Entrance",
    "Northfold Power",
)
PORTUGAL = Country(
    *("PT", "PRT", "pt", "EUR", "DOMESTIC_F", "+351"),
    "Europe/Lisbon",
    ("Rua das Flores", "Avenida da Liberdade", "Rua do Carmo", "Largo da Estação", "Rua Nova", "Avenida do Mar"),
    False,
    "Entrada pela {street}. Siga a sinalização dos carregadores.",
    "Entrada",
    "Maré Viva Energia",
)
FINLAND = Country(
    *("FI", "FIN", "fi", "EUR", "DOMESTIC_F", "+358"),
    "Europe/Helsinki",
    ("Asemakatu", "Puistotie", "Rantatie", "Kauppakatu", "Koulukatu", "Satamakatu"),
    False,
    "Ajo kadulta {street}. Seuraa latauspisteen opasteita.",
    "Sisäänkäynti",
    "Koskivirta",
)
SWEDEN = Country(
    *("SE", "SWE", "sv", "SEK", "DOMESTIC_F", "+46"),
    "Europe/Stockholm",
    ("Storgatan", "Järnvägsgatan", "Parkvägen", "Hamngatan", "Skolgatan", "Kungsvägen"),
    False,
    "Infart från {street}. Följ skyltarna till laddplatserna.",
    "Entré",
    "Älvkraft Nord",
)
NETHERLANDS = Country(
    *("NL", "NLD", "nl", "EUR", "DOMESTIC_F", "+31"),
    "Europe/Amsterdam",
    ("Stationsweg", "Dorpsstraat", "Parklaan", "Havenkade", "Molenstraat", "Kerkplein"),
    False,
    "Inrit vanaf {street}. Volg de borden naar de laadpunten.",
    "Ingang",
    "Duinwind Energie",
)
SPAIN = Country(
    *("ES", "ESP", "es", "EUR", "DOMESTIC_F", "+34"),
    "Europe/Madrid",
    ("Calle Mayor", "Avenida del Puerto", "Calle del Sol", "Plaza de la Estación", "Paseo del Río"),
    False,
    "Entrada por {street}. Siga las señales de recarga.",
    "Entrada",
    "Sol y Sierra Energía",
)
IRELAND = Country(
    *("IE", "IRL", "en", "EUR", "DOMESTIC_G", "+353"),
    "Europe/Dublin",
    ("Station Road", "Bridge Street", "Main Street", "Quay Street", "Abbey Lane"),
    True,
    "Enter from {street} and follow the green signs.",
    "Entrance",
    "Westwind Supply",
)


def _town(
    country: Country,
    name: str,
    postal_code: str,
    state: str,
    latitude: float,
    longitude: float,
    sites: str,
    zone: str = "",
) -> Town:
    zone = zone or country.time_zone
    return Town(country, name, postal_code, state, latitude, longitude, zone, tuple(sites.split()))


HOME_TOWNS = (
    _town(GERMANY, "Berlin", "10115", "Berlin", 52.5200, 13.4050, "street street garage supermarket hotel"),
    _town(GERMANY, "Hamburg", "20095", "Hamburg", 53.5580, 9.9990, "street garage supermarket"),
    _town(GERMANY, "Köln", "50667", "Nordrhein-Westfalen", 50.9375, 6.9400, "street hub workplace"),
    _town(GERMANY, "München", "80331", "Bayern", 48.1372, 11.5755, "street garage hotel"),
    _town(GERMANY, "Leipzig", "04109", "Sachsen", 51.3397, 12.3731, "street supermarket"),
    _town(GERMANY, "Stuttgart", "70173", "Baden-Württemberg", 48.7758, 9.1829, "workplace street"),
    _town(GERMANY, "Freiburg im Breisgau", "79098", "Baden-Württemberg", 47.9959, 7.8522, "hotel"),
    _town(GERMANY, "Kassel", "34117", "Hessen", 51.3127, 9.4797, "hub"),
    _town(GERMANY, "Bremen", "28195", "Bremen", 53.0793, 8.8170, "truck"),
    _town(GERMANY, "Frankfurt am Main", "60311", "Hessen", 50.1155, 8.6842, "garage street"),
    _town(GERMANY, "Rostock", "18055", "", 54.0785, 12.1300, "supermarket"),
    _town(BRITAIN, "London", "SW1A 2HQ", "", 51.5074, -0.1278, "street street garage supermarket workplace"),
    _town(BRITAIN, "Manchester", "M1 1AE", "", 53.4794, -2.2453, "street garage supermarket"),
    _town(BRITAIN, "Bristol", "BS1 4DJ", "", 51.4545, -2.5879, "street hotel"),
    _town(BRITAIN, "Edinburgh", "EH1 1BB", "Scotland", 55.9500, -3.1900, "street garage"),
    _town(BRITAIN, "Exeter", "EX1 1EE", "", 50.7260, -3.5275, "hub"),
    _town(BRITAIN, "York", "YO1 7HH", "", 53.9590, -1.0815, "park_and_ride"),
    _town(PORTUGAL, "Lisboa", "1100-148", "Lisboa", 38.7223, -9.1393, "street street garage workplace"),
    _town(PORTUGAL, "Porto", "4000-322", "Porto", 41.1579, -8.6191, "street supermarket hotel"),
    _town(PORTUGAL, "Coimbra", "3000-150", "Coimbra", 40.2033, -8.4103, "hub"),
    _town(PORTUGAL, "Faro", "8000-076", "Faro", 37.0230, -7.9290, "hotel supermarket"),
    _town(PORTUGAL, "Évora", "7000-508", "Évora", 38.5710, -7.9135, "park_and_ride"),
    _town(PORTUGAL, "Ponta Delgada", "9500-150", "Açores", 37.7480, -25.6687, "supermarket", "Atlantic/Azores"),
    _town(FINLAND, "Helsinki", "00100", "Uusimaa", 60.1760, 24.9384, "street garage workplace"),
    _town(FINLAND, "Espoo", "02100", "Uusimaa", 60.2055, 24.6559, "workplace"),
    _town(FINLAND, "Tampere", "33100", "Pirkanmaa", 61.4978, 23.7610, "street supermarket garage"),
    _town(FINLAND, "Turku", "20100", "Varsinais-Suomi", 60.4518, 22.2666, "hotel"),
    _town(FINLAND, "Oulu", "90100", "Pohjois-Pohjanmaa", 65.0121, 25.4851, "truck"),
    _town(FINLAND, "Lahti", "15110", "Päijät-Häme", 60.9827, 25.6615, "hub"),
)

PARTNER_TOWNS = (
    _town(SWEDEN, "Stockholm", "111 29", "Stockholm", 59.3340, 18.0600, "street street garage supermarket workplace"),
    _town(SWEDEN, "Göteborg", "411 06", "Västra Götaland", 57.7020, 11.9746, "street garage hotel"),
    _town(SWEDEN, "Malmö", "211 20", "Skåne", 55.5950, 13.0038, "street supermarket"),
    _town(SWEDEN, "Uppsala", "753 20", "Uppsala", 59.8586, 17.6389, "street"),
    _town(SWEDEN, "Jönköping", "553 16", "Jönköping", 57.7700, 14.1618, "hub"),
    _town(SWEDEN, "Kiruna", "981 31", "Norrbotten", 67.8558, 20.2253, "hotel"),
    _town(SWEDEN, "Luleå", "972 38", "Norrbotten", 65.5848, 22.1547, "truck"),
    _town(NETHERLANDS, "Amsterdam", "1012 AB", "Noord-Holland", 52.3650, 4.8900, "street street garage workplace"),
    _town(NETHERLANDS, "Rotterdam", "3011 AD", "Zuid-Holland", 51.9225, 4.4700, "street garage"),
    _town(NETHERLANDS, "Utrecht", "3511 LX", "Utrecht", 52.0907, 5.1214, "street street"),
    _town(NETHERLANDS, "Eindhoven", "5611 AZ", "Noord-Brabant", 51.4416, 5.4697, "workplace street"),
    _town(NETHERLANDS, "Groningen", "9711 LM", "Groningen", 53.2194, 6.5665, "supermarket park_and_ride"),
    _town(SPAIN, "Madrid", "28013", "Madrid", 40.4168, -3.7038, "street street garage hub"),
    _town(SPAIN, "Barcelona", "08007", "Cataluña", 41.3900, 2.1600, "street hotel"),
    _town(SPAIN, "Valencia", "46002", "Comunitat Valenciana", 39.4699, -0.3774, "supermarket"),
    _town(SPAIN, "Sevilla", "41001", "Andalucía", 37.3886, -5.9823, "street"),
    _town(SPAIN, "Las Palmas de Gran Canaria", "35002", "Canarias", 28.1090, -15.4200, "hotel", "Atlantic/Canary"),
    _town(IRELAND, "Dublin", "D02 X285", "", 53.3430, -6.2650, "street garage workplace"),
    _town(IRELAND, "Cork", "T12 W8KP", "", 51.8960, -8.4780, "supermarket"),
    _town(IRELAND, "Galway", "H91 E9XA", "", 53.2755, -9.0490, "hotel"),
)

TOWNS = {"home": HOME_TOWNS, "partner": PARTNER_TOWNS}
