"""A tariff in a sentence that a driver understands, in four languages; a complex one becomes a short list."""

from backoffice.tariffs.rules.sentence.composing import alt_texts, is_told_by_us, phrases, renewed, sentence
from backoffice.tariffs.rules.sentence.languages import LANGUAGES, Language

__all__ = ["LANGUAGES", "Language", "alt_texts", "is_told_by_us", "phrases", "renewed", "sentence"]
