"""Rows of this room, by topic. What an app above needs is here by name."""

from backoffice.payments.models.advices import Advice as Advice
from backoffice.payments.models.advices import QuarantinedAdvice as QuarantinedAdvice
from backoffice.payments.models.receiving import CardCharge as CardCharge
from backoffice.payments.models.receiving import DriverInvoice as DriverInvoice
from backoffice.payments.models.receiving import InvoiceAsked as InvoiceAsked
from backoffice.payments.models.receiving import InvoiceSeller as InvoiceSeller
from backoffice.payments.models.receiving import InvoiceSeries as InvoiceSeries
from backoffice.payments.models.receiving import TieDecision as TieDecision
from backoffice.payments.models.takings import CardPayment as CardPayment
from backoffice.payments.models.takings import CardPaymentEvent as CardPaymentEvent
from backoffice.payments.models.takings import MoneyMove as MoneyMove
from backoffice.payments.models.takings import SimulatedMove as SimulatedMove
from backoffice.payments.models.terminals import Activation as Activation
from backoffice.payments.models.terminals import Terminal as Terminal
from backoffice.payments.models.terminals import TerminalEvent as TerminalEvent
