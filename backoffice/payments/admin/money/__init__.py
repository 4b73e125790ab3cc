"""The money of cards for staff: payments at terminals of ours, financial advice, drivers' invoices, and the daily tie."""

from backoffice.payments.admin.money import advices, invoices, payments, sellers

__all__ = ["advices", "invoices", "payments", "sellers"]
