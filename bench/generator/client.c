/* One connection: non-blocking connect, upgrade, and WebSocket frames (RFC 6455) in both directions.
 *
 * The key of the upgrade is the RFC's own sample, so the right answer is known without SHA-1; client frames are masked,
 * as they must be, with the key zero, so masking costs nothing. */
#define _GNU_SOURCE
#include "generator.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static const char ACCEPT[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
static char inbox[1 << 19];

char *buffer_extend(Buffer *buffer, size_t length)
{
    if (buffer->length + length > buffer->room) {
        buffer->room = (buffer->length + length) * 2;
        buffer->data = realloc(buffer->data, buffer->room);
    }
    buffer->length += length;
    return buffer->data + buffer->length - length;
}

static void interest(Client *client)
{
    struct epoll_event event = {.data.ptr = client};
    bool write = client->state == CONNECTING || client->writable_wanted;
    event.events = (client->paused ? 0 : (uint32_t)EPOLLIN) | (write ? (uint32_t)EPOLLOUT : 0);
    epoll_ctl(world.epoll, EPOLL_CTL_MOD, client->fd, &event);
}

static void forget(Client *client)
{
    if (client->state == READY) world.ready--;
    else if (client->state != GONE) world.opening--;
    if (client->behind) world.behind--;
    close(client->fd);
    client->fd = -1;
    client->state = GONE;
    client->in.length = client->out.length = client->stream = client->frame_left = 0;
    client->writable_wanted = client->paused = client->behind = false;
}

static void lost(Client *client, const char *why, size_t length)
{
    bool opening = client->state != READY;
    complain(opening ? "while opening" : "connection lost", why, length);
    forget(client);
    if (opening) {
        world.retries++;
        world.retry[world.retry_count++] = client->index;
    } else {
        world.connections_lost++;
    }
}

void client_open(Client *client)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(world.options.ports[client->node])};
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = client};
    int one = 1;

    client->opened_ns = clock_ns();
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (client->fd < 0) {
        perror("socket");
        exit(1);
    }
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    client->state = CONNECTING;
    world.opening++;
    epoll_ctl(world.epoll, EPOLL_CTL_ADD, client->fd, &event);
    if (connect(client->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS)
        lost(client, strerror(errno), strlen(strerror(errno)));
}

void client_ready(Client *client)
{
    client->state = READY;
    world.opening--;
    world.ready++;
    histogram_add(&world.opening_time, clock_ns() - client->opened_ns);
}

void client_pause(Client *client, bool paused)
{
    client->paused = paused;
    if (client->state == READY) interest(client);
}

void client_cut(Client *client)
{
    struct linger reset = {1, 0};
    setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    forget(client);
}

static void upgrade(Client *client)
{
    const char *subprotocol = client->dialect->subprotocol;
    char *text = buffer_extend(&client->out, 400);
    int length = snprintf(text, 400,
                          "GET / HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s%s%s\r\n",
                          world.options.ports[client->node], subprotocol ? "Sec-WebSocket-Protocol: " : "",
                          subprotocol ? subprotocol : "", subprotocol ? "\r\n" : "");
    client->out.length -= 400 - (size_t)length;
    client->state = UPGRADING;
    client_flush(client);
}

/* The answer to the upgrade at the start of data: its length, 0 when it is not complete. */
static size_t upgraded(Client *client, const char *data, size_t length)
{
    const char *end = memmem(data, length, "\r\n\r\n", 4);
    if (!end) return 0;
    size_t head = (size_t)(end - data) + 4;
    if (memcmp(data, "HTTP/1.1 101", 12) != 0 || !memmem(data, head, ACCEPT, sizeof ACCEPT - 1)) {
        lost(client, data, length < 120 ? length : 120);
        return 0;
    }
    client->state = GREETING;
    client->dialect->greet(client);
    return head;
}

void client_frame(Client *client, uint8_t opcode, const char *data, size_t length)
{
    char *frame = buffer_extend(&client->out, length + (length < 126 ? 6 : 8)), *mask = frame + 2;
    frame[0] = (char)(0x80 | opcode);
    if (length < 126) {
        frame[1] = (char)(0x80 | length);
    } else { /* nothing said here is longer than 64 KiB */
        frame[1] = (char)(0x80 | 126);
        frame[2] = (char)(length >> 8);
        frame[3] = (char)length;
        mask += 2;
    }
    memset(mask, 0, 4);
    memcpy(mask + 4, data, length);
}

void client_flush(Client *client)
{
    Buffer *out = &client->out;
    if (out->length == 0 || client->state < UPGRADING) return;
    ssize_t written = send(client->fd, out->data, out->length, MSG_NOSIGNAL);
    if (written < 0) written = 0; /* a broken connection is found by reading */
    out->length -= (size_t)written;
    memmove(out->data, out->data + written, out->length);
    if ((out->length > 0) != client->writable_wanted) {
        client->writable_wanted = out->length > 0;
        interest(client);
    }
}

static void control(Client *client, uint8_t opcode, const char *data, size_t length)
{
    if (opcode == 9) client_frame(client, 10, data, length);
    if (opcode == 8) complain("closed by the server", data + 2, length > 2 ? length - 2 : 0);
}

/* Takes all complete frames from data; how much that was. A dialect that streams gets its bytes without frames, moved
 * together at the start of data, where what it did not use up last time lies already. */
static size_t frames(Client *client, char *data, size_t length, uint64_t now)
{
    const Dialect *dialect = client->dialect;
    size_t at = client->stream;
    while (true) {
        if (client->frame_left) { /* only when streaming: the rest of a frame whose head was read */
            size_t part = length - at < client->frame_left ? length - at : client->frame_left;
            memmove(data + client->stream, data + at, part);
            client->stream += part;
            client->frame_left -= part;
            at += part;
        }
        if (length - at < 2) break;
        const unsigned char *frame = (unsigned char *)data + at;
        size_t head = 2, size = frame[1] & 127;
        if (size == 126) {
            if (length - at < 4) break;
            size = (size_t)frame[2] << 8 | frame[3];
            head = 4;
        } else if (size == 127) {
            if (length - at < 10) break;
            for (size = 0, head = 2; head < 10; head++) size = size << 8 | frame[head];
        }
        uint8_t opcode = frame[0] & 15;
        if (dialect->streams && opcode < 8) {
            client->frame_left = size;
            at += head;
            continue;
        }
        if (length - at < head + size) break;
        if (opcode >= 8) control(client, opcode, data + at + head, size);
        else if (frame[0] == (0x80 | dialect->opcode)) dialect->hear(client, data + at + head, size, now);
        else world.corrupt++;
        at += head + size;
    }
    if (!dialect->streams) return at;
    size_t used = dialect->hear(client, data, client->stream, now), kept = client->stream - used;
    memmove(data + at - kept, data + used, kept); /* next to what is still inside frames */
    client->stream = kept;
    return at - kept;
}

static void client_read(Client *client)
{
    size_t carried = client->in.length, used = 0;
    memcpy(inbox, client->in.data, carried);
    ssize_t got = recv(client->fd, inbox + carried, sizeof inbox - carried, 0);
    if (got <= 0) {
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        const char *why = got < 0 ? strerror(errno) : "end of stream";
        lost(client, why, strlen(why));
        return;
    }
    size_t length = carried + (size_t)got;
    client->in.length = 0;
    if (client->state == UPGRADING) {
        used = upgraded(client, inbox, length);
        if (client->state == GONE) return;
    }
    if (client->state >= GREETING) used += frames(client, inbox + used, length - used, clock_ns());
    if (used < length) memcpy(buffer_extend(&client->in, length - used), inbox + used, length - used);
    if (client->in.length == sizeof inbox) lost(client, "a frame larger than the inbox", 29);
    for (; client->owed; client->owed--) say(client);
    client_flush(client);
}

void client_event(Client *client, uint32_t events)
{
    if (client->state == CONNECTING) {
        int error = 0;
        socklen_t length = sizeof error;
        getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &length);
        if (error) {
            lost(client, strerror(error), strlen(strerror(error)));
            return;
        }
        upgrade(client);
        interest(client);
        return;
    }
    if (events & EPOLLOUT) client_flush(client);
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) client_read(client);
}
