"""The words of a driver's invoice in the languages that it comes in, and how each writes numbers and times.

Not the catalogue of the staff's screens: an invoice is a document, in the language of whoever paid.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from backoffice.tariffs.rules.exact import plain

LANGUAGES = ("en", "de", "fr", "nl")

_WORDS: Mapping[str, tuple[str, str, str, str]] = {
    "invoice": ("Invoice", "Rechnung", "Facture", "Factuur"),
    "number": ("Number", "Nummer", "Numéro", "Nummer"),
    "issued": ("Issued", "Ausgestellt am", "Établie le", "Datum"),
    "reference": ("Reference", "Referenz", "Référence", "Referentie"),
    "correction": ("Correction", "Rechnungskorrektur", "Avoir", "Creditnota"),
    "corrects": ("Takes back invoice", "Storniert Rechnung", "Annule la facture", "Annuleert factuur"),
    "of_day": ("of", "vom", "du", "van"),
    "taken_back": (
        "This invoice was taken back by the correction below.",
        "Diese Rechnung wurde durch die Korrektur unten storniert.",
        "Cette facture a été annulée par l'avoir ci-dessous.",
        "Deze factuur is geannuleerd door de creditnota hieronder.",
    ),
    "goes_back": (
        "What was paid goes back to the card that was used. That can take some days.",
        "Das Bezahlte geht auf die verwendete Karte zurück. Das kann einige Tage dauern.",
        "Le montant payé est remboursé sur la carte utilisée. Cela peut prendre quelques jours.",
        "Wat betaald is gaat terug naar de gebruikte kaart. Dat kan enkele dagen duren.",
    ),
    "given_back": ("Given back", "Zurückgezahlt", "Remboursé", "Terugbetaald"),
    "vat_id": ("VAT id", "USt-IdNr.", "N° de TVA", "Btw-nummer"),
    "net": ("Net", "Netto", "HT", "Excl. btw"),
    "rate": ("Tax", "Steuer", "Taxe", "Btw"),
    "gross": ("Gross", "Brutto", "TTC", "Incl. btw"),
    "item": ("Item", "Position", "Désignation", "Omschrijving"),
    "documents": ("Documents of this charge", "Belege zu diesem Ladevorgang", "Documents", "Documenten"),
    "seller": ("Issued by", "Rechnungssteller", "Émise par", "Uitgegeven door"),
    "charge": ("Your charge", "Ihr Ladevorgang", "Votre recharge", "Uw laadsessie"),
    "place": ("Place", "Ort", "Lieu", "Locatie"),
    "station": ("Charging station", "Ladestation", "Borne de recharge", "Laadpaal"),
    "began": ("Began", "Beginn", "Début", "Begin"),
    "ended": ("Ended", "Ende", "Fin", "Einde"),
    "lasted": ("Duration", "Dauer", "Durée", "Duur"),
    "energy_taken": ("Energy", "Energie", "Énergie", "Energie"),
    "costs": ("What it costs", "Kosten", "Montants", "Kosten"),
    "fixed": ("Start fee", "Startgebühr", "Frais de démarrage", "Starttarief"),
    "energy": ("Energy", "Energie", "Énergie", "Energie"),
    "time": ("Charging time", "Ladezeit", "Temps de recharge", "Laadtijd"),
    "parking": ("Parking time", "Parkzeit", "Temps de stationnement", "Parkeertijd"),
    "reservation": ("Reservation", "Reservierung", "Réservation", "Reservering"),
    "rounding": ("Rounding", "Rundung", "Arrondi", "Afronding"),
    "before_taxes": ("Net", "Netto", "Hors taxes", "Exclusief btw"),
    "total": ("Total", "Gesamt", "Total", "Totaal"),
    "paid": ("Paid by card", "Kartenzahlung", "Payé par carte", "Betaald met kaart"),
    "open": ("Still open", "Noch offen", "Reste dû", "Nog te betalen"),
    "receipt": ("Card receipt", "Kartenbeleg", "Ticket de carte", "Kaartbon"),
    "failed": (
        "The payment could not be taken from your card.",
        "Die Zahlung konnte nicht von Ihrer Karte eingezogen werden.",
        "Le paiement n'a pas pu être prélevé sur votre carte.",
        "De betaling kon niet van uw kaart worden afgeschreven.",
    ),
    "partly": (
        "Only a part could be taken from your card.",
        "Nur ein Teil konnte von Ihrer Karte eingezogen werden.",
        "Une partie seulement a pu être prélevée sur votre carte.",
        "Slechts een deel kon van uw kaart worden afgeschreven.",
    ),
    "print": ("Print", "Drucken", "Imprimer", "Afdrukken"),
    "absent": (
        "No invoice here",
        "Hier ist keine Rechnung",
        "Aucune facture ici",
        "Hier is geen factuur",
    ),
    "absent_why": (
        (
            "There is no invoice at this address, or not yet: it appears when the charge is over and your payment is settled, "
            "usually within minutes. Check the address on your receipt and try again later."
        ),
        (
            "Unter dieser Adresse gibt es keine Rechnung, oder noch nicht: sie erscheint, wenn der Ladevorgang beendet und Ihre "
            "Zahlung abgeschlossen ist, meist innerhalb weniger Minuten. Prüfen Sie die Adresse auf Ihrem Beleg und versuchen "
            "Sie es später erneut."
        ),
        (
            "Il n'y a pas de facture à cette adresse, ou pas encore : elle apparaît une fois la recharge terminée et le "
            "paiement réglé, en général en quelques minutes. Vérifiez l'adresse sur votre ticket et réessayez plus tard."
        ),
        (
            "Op dit adres is geen factuur, of nog niet: ze verschijnt zodra het laden is beëindigd en uw betaling is verwerkt, "
            "meestal binnen enkele minuten. Controleer het adres op uw bon en probeer het later opnieuw."
        ),
    ),
    "often": ("Too many requests", "Zu viele Anfragen", "Trop de demandes", "Te veel verzoeken"),
    "often_why": (
        "Please wait a minute and try again.",
        "Bitte warten Sie eine Minute und versuchen Sie es erneut.",
        "Veuillez patienter une minute et réessayer.",
        "Wacht een minuut en probeer het opnieuw.",
    ),
    "language": ("Language", "Sprache", "Langue", "Taal"),
}
NAMES = {"en": "English", "de": "Deutsch", "fr": "Français", "nl": "Nederlands"}


def words(language: str) -> dict[str, str]:
    """All words in this language; in English where it is none of ours."""
    place = LANGUAGES.index(language) if language in LANGUAGES else 0
    return {name: told[place] for name, told in _WORDS.items()}


def number(value: Decimal, language: str) -> str:
    """As the language writes it, with the digits that it has."""
    text = f"{value:,f}"
    if language == "en":
        return text
    thousands = "\u202f" if language == "fr" else "."
    return text.replace(",", "\0").replace(".", ",").replace("\0", thousands)


def quantity(value: Decimal, language: str) -> str:
    """Without zeros at its end: 2.4 kWh, 19 %."""
    return number(Decimal(plain(value)), language)


def money(value: Decimal, currency: str, language: str) -> str:
    return f"{number(value, language)}\u00a0{currency}"


def moment(text: str, zone: str, language: str) -> str:
    """A time of an OCPI object in the time zone of the place; in UTC where that is not known."""
    found = datetime.fromisoformat(text)
    try:
        local = found.astimezone(ZoneInfo(zone or "UTC"))
    except (KeyError, ValueError, OSError):  # a partner's zone that is none
        local, zone = found, ""
    written = {"en": "%d %b %Y, %H:%M", "de": "%d.%m.%Y, %H:%M", "fr": "%d/%m/%Y, %H:%M", "nl": "%d-%m-%Y, %H:%M"}
    return f"{local:{written.get(language, written['en'])}}" + ("" if zone else " UTC")


def lasted(began: str, ended: str) -> str:
    minutes = round((datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds() / 60)
    return f"{minutes // 60}:{minutes % 60:02d} h"
