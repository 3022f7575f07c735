"""Discord's rate limits (https://discord.com/developers/docs/topics/rate-limits).

A route's limit is counted per top-level resource. Most buckets leak: one request returns every period/limit.
Some still are fixed windows that refill at once. Above them stands the global limit of the token, and beside
them Discord keeps hidden limits that its headers never show: one on all webhooks of a channel together, one
on deleting old messages.
"""
