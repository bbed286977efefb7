"""HTTP: the web application (`http`: page, files, pictures, health), and how it answers a request (`asgi`).

Imports: errors, net.
"""
