"""The port: accepting, admitting and supervising connections, and telling WebSockets from HTTP.

Imports: errors, config, hub, net, gateways, web.
"""
