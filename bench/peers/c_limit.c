/* The limit: about the least work a WebSocket broadcaster can do.
 *
 * One thread, one epoll. A tick reads whatever has come from whomever, unmasks it into one batch of ready-made server
 * frames, and then sends that batch to every client with one send() each. No log, no limits, no UTF-8 check, no answer
 * to pings; the upgrade is answered with the RFC's sample key, which is the one that the generator sends. What a socket
 * does not take is kept, without bound.
 *
 * Faults for the self-check of the benchmark: with --drop N, --dup N or --swap N, one in N deliveries (one message to
 * one client) is left out, sent twice, or sent after the one that follows it. A benchmark that does not notice is worth
 * nothing. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
    char *data;
    size_t length, room;
} Buffer;

typedef struct {
    int fd;
    unsigned index; /* in clients */
    bool upgraded;
    Buffer in, out; /* an incomplete frame; what the socket did not take */
} Client;

typedef struct {
    size_t at, length; /* one server frame in the batch */
} Frame;

static const char ANSWER[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
static char inbox[1 << 18];
static Client **clients;
static unsigned client_count;
static int epoll;
static Buffer batch;
static Frame *frames;
static size_t frame_count, frame_room;
static unsigned drop, dup_, swap, deliveries;

static void append(Buffer *buffer, const void *data, size_t length)
{
    if (buffer->length + length > buffer->room) {
        buffer->room = (buffer->length + length) * 2;
        buffer->data = realloc(buffer->data, buffer->room);
    }
    memcpy(buffer->data + buffer->length, data, length);
    buffer->length += length;
}

static void interest(Client *client, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = client};
    epoll_ctl(epoll, EPOLL_CTL_MOD, client->fd, &event);
}

static void end(Client *client)
{
    clients[client->index] = clients[--client_count];
    clients[client->index]->index = client->index;
    close(client->fd);
    free(client->in.data);
    free(client->out.data);
    free(client);
}

static void write_to(Client *client, const char *data, size_t length)
{
    ssize_t sent = client->out.length ? 0 : send(client->fd, data, length, MSG_NOSIGNAL);
    if (sent < 0) sent = 0; /* a broken connection is found by reading */
    if ((size_t)sent == length) return;
    if (!client->out.length) interest(client, EPOLLIN | EPOLLOUT);
    append(&client->out, data + sent, length - (size_t)sent);
}

static void write_rest(Client *client)
{
    ssize_t sent = send(client->fd, client->out.data, client->out.length, MSG_NOSIGNAL);
    if (sent <= 0) return;
    client->out.length -= (size_t)sent;
    memmove(client->out.data, client->out.data + sent, client->out.length);
    if (!client->out.length) interest(client, EPOLLIN);
}

/* Adds one message to the batch, as a frame. */
static void add(const char *data, const char *mask, size_t length)
{
    unsigned char head[4] = {0x81, (unsigned char)length};
    size_t head_length = 2;
    if (length >= 126) {
        head[1] = 126;
        head[2] = (unsigned char)(length >> 8);
        head[3] = (unsigned char)length;
        head_length = 4;
    }
    if (frame_count == frame_room) {
        frame_room = frame_room ? frame_room * 2 : 1024;
        frames = realloc(frames, frame_room * sizeof *frames);
    }
    frames[frame_count++] = (Frame){batch.length, head_length + length};
    append(&batch, head, head_length);
    append(&batch, data, length);
    char *text = batch.data + batch.length - length;
    uint32_t key;
    memcpy(&key, mask, 4);
    if (key) for (size_t i = 0; i < length; i++) text[i] ^= mask[i % 4];
}

/* False when the connection is over. */
static bool read_from(Client *client)
{
    size_t length = client->in.length, at = 0;
    memcpy(inbox, client->in.data, length);
    ssize_t got = recv(client->fd, inbox + length, sizeof inbox - length, 0);
    if (got <= 0) return got < 0 && errno == EAGAIN;
    length += (size_t)got;
    client->in.length = 0;
    if (!client->upgraded) {
        char *head_end = memmem(inbox, length, "\r\n\r\n", 4);
        if (head_end) {
            at = (size_t)(head_end - inbox) + 4;
            client->upgraded = true;
            write_to(client, ANSWER, sizeof ANSWER - 1);
        }
    }
    while (client->upgraded && length - at >= 6) {
        const unsigned char *frame = (unsigned char *)inbox + at;
        size_t size = frame[1] & 127, head = 6;
        if (size == 126) {
            size = (size_t)frame[2] << 8 | frame[3];
            head = 8;
        }
        if (size == 127 || (frame[0] & 15) == 8) return false;
        if (length - at < head + size) break;
        if (frame[0] == 0x81) add(inbox + at + head, inbox + at + head - 4, size);
        at += head + size;
    }
    if (at < length) append(&client->in, inbox + at, length - at);
    return true;
}

static void send_frame(Client *client, size_t frame)
{
    write_to(client, batch.data + frames[frame].at, frames[frame].length);
}

/* Every client gets its own faults, or finding them would be too easy. */
static void send_faulty(Client *client)
{
    for (size_t i = 0; i < frame_count; i++, deliveries++) {
        if (drop && deliveries % drop == drop - 1) continue;
        if (swap && deliveries % swap == swap - 1 && i + 1 < frame_count) {
            send_frame(client, i + 1);
            send_frame(client, i++);
            continue;
        }
        send_frame(client, i);
        if (dup_ && deliveries % dup_ == dup_ - 1) send_frame(client, i);
    }
}

static void send_batch(bool naive)
{
    for (unsigned i = 0; i < client_count; i++) {
        Client *client = clients[i];
        if (!client->upgraded) continue;
        if (drop || dup_ || swap) send_faulty(client);
        else if (naive) for (size_t f = 0; f < frame_count; f++) send_frame(client, f);
        else write_to(client, batch.data, batch.length);
    }
    batch.length = frame_count = 0;
}

static void accept_all(int listener)
{
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        Client *client = calloc(1, sizeof *client);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        client->fd = fd;
        client->index = client_count;
        clients[client_count++] = client;
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct epoll_event events[512], event = {.events = EPOLLIN, .data.ptr = NULL};
    struct rlimit files;
    bool naive = false;
    static const struct option names[] = {{"port", 1, 0, 'p'}, {"naive", 0, 0, 'n'}, {"drop", 1, 0, 'd'},
                                          {"dup", 1, 0, 'u'},  {"swap", 1, 0, 's'},  {0, 0, 0, 0}};
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (c == 'p') address.sin_port = htons((uint16_t)atoi(optarg));
        else if (c == 'n') naive = true;
        else if (c == 'd') drop = (unsigned)atoi(optarg);
        else if (c == 'u') dup_ = (unsigned)atoi(optarg);
        else if (c == 's') swap = (unsigned)atoi(optarg);
        else return 2;
    }
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    clients = calloc(files.rlim_cur, sizeof(Client *));

    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 4096) < 0) {
        perror("listen");
        return 1;
    }
    epoll = epoll_create1(0);
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    while (true) {
        int count = epoll_wait(epoll, events, 512, -1);
        for (int i = 0; i < count; i++) {
            Client *client = events[i].data.ptr;
            if (!client) {
                accept_all(listener);
                continue;
            }
            if (events[i].events & EPOLLOUT) write_rest(client);
            if (events[i].events & ~(uint32_t)EPOLLOUT && !read_from(client)) end(client);
        }
        if (frame_count) send_batch(naive);
    }
}
