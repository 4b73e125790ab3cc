"""The verbs of this room. `keys`: applications and what they show. `keeping`: an effect once, whatever is repeated. `recording`:
the log. `webhooks`: who is told what. `sending`: telling them.

Lock order: Application, ApiKey, WebhookEndpoint, WebhookDelivery, KeptAnswer.
"""
