"""The port: `listeners` accepts connections, `server` admits and supervises them and closes all of them at the end.

Each begins as HTTP (`http_connection`). When a request asks for a WebSocket, `serve_websocket` (`connection`) serves
that, from the handshake to the last byte.

Imports: config, errors, gateways, hub, net, protocol, web.
"""
