/* What is said inside the frames. */
#define _GNU_SOURCE
#include "generator.h"
#include <stdio.h>
#include <stdlib.h>

/* --- plain: a text message is a message --------------------------------------------------------------------- */

static size_t plain_hear(Client *client, const char *data, size_t length, uint64_t now)
{
    heard(client, data, length, now);
    return length;
}

static void plain_say(Client *client, const char *text, size_t length)
{
    client_frame(client, 1, text, length);
}

const Dialect plain = {.name = "plain", .opcode = 1, .greet = client_ready, .hear = plain_hear, .say = plain_say};

/* --- trio-chat.v1: one JSON object per text message (docs/protocol.md) ---------------------------------------
 * No JSON parser: the keys looked for are found with memmem, the key before a message's text where it stood last. */

static const char *after(const char *data, size_t length, const char *key)
{
    const char *found = memmem(data, length, key, strlen(key));
    return found ? found + strlen(key) : NULL;
}

static uint64_t number(const char *data, size_t length, const char *key)
{
    const char *digits = after(data, length, key);
    return digits ? strtoull(digits, NULL, 10) : 0;
}

static void copy_string(char *to, size_t room, const char *data, size_t length, const char *key)
{
    const char *from = after(data, length, key);
    if (!from) return;
    size_t size = strcspn(from, "\"");
    snprintf(to, room, "%.*s", (int)size, from);
}

static void v1_write(Client *client, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void v1_write(Client *client, const char *format, ...)
{
    char json[600];
    __builtin_va_list values;
    __builtin_va_start(values, format);
    int length = vsnprintf(json, sizeof json, format, values);
    __builtin_va_end(values);
    client_frame(client, 1, json, (size_t)length);
}

static void v1_greet(Client *client)
{
    if (client->stamp[0]) /* who comes back has its lists, as a page does */
        v1_write(client, "{\"type\":\"hello\",\"token\":\"%s\",\"lists\":true,\"since\":\"%s\"}", client->token,
                 client->stamp);
    else if (client->token[0])
        v1_write(client, "{\"type\":\"hello\",\"token\":\"%s\",\"lists\":true}", client->token);
    else v1_write(client, "{\"type\":\"hello\",\"name\":\"b%x-%x\",\"lists\":true}", world.run, client->index);
}

static const char *room_of(const Client *client)
{
    static char name[24];
    if (world.options.rooms == 1) return "lobby";
    snprintf(name, sizeof name, "bench-%x", client->room);
    return name;
}

static void v1_welcome(Client *client, const char *data, size_t length)
{
    copy_string(client->token, sizeof client->token, data, length, "\"token\":\"");
    copy_string(client->stamp, sizeof client->stamp, data, length, "\"stamp\":\"");
    if (client->epoch[0])
        v1_write(client, "{\"type\":\"join\",\"id\":\"j%lx\",\"room\":\"%s\",\"after\":%lu,\"epoch\":\"%s\"}",
                 client->opened_ns, room_of(client), client->seq, client->epoch);
    else v1_write(client, "{\"type\":\"join\",\"id\":\"j%lx\",\"room\":\"%s\"}", client->opened_ns, room_of(client));
}

static void v1_joined(Client *client, const char *data, size_t length)
{
    if (client->epoch[0] && after(data, length, "\"reset\":true")) world.resets++;
    copy_string(client->epoch, sizeof client->epoch, data, length, "\"epoch\":\"");
    client->seq = number(data, length, "\"after\":");
    client->head = number(data, length, "\"head\":");
    client->behind = client->seq < client->head;
    world.behind += client->behind;
    client_ready(client);
}

static void v1_message(Client *client, const char *data, size_t length, uint64_t now)
{
    static size_t usual; /* where the text stood in the message before */
    static const char key[] = "\"text\":\"";
    const char *text = data + usual;
    if (usual + 8 > length || memcmp(text, key, 8) != 0) {
        text = memmem(data, length, key, 8);
        if (!text) {
            world.corrupt++;
            return;
        }
        usual = (size_t)(text - data);
    }
    uint64_t seq = number(data, length, "\"seq\":");
    if (seq != client->seq + 1) world.seq_gaps++;
    client->seq = seq;
    if (client->behind && seq >= client->head) {
        client->behind = false;
        world.behind--;
    }
    text += 8;
    size_t left = length - (size_t)(text - data);
    const char *quote = left > world.options.payload && text[world.options.payload] == '"'
                            ? text + world.options.payload
                            : memchr(text, '"', left);
    heard(client, text, quote ? (size_t)(quote - text) : 0, now);
}

static size_t v1_hear(Client *client, const char *data, size_t length, uint64_t now)
{
    static const char start[] = "{\"type\":\"";
    const char *type = data + sizeof start - 1;
    if (length < 20 || memcmp(data, start, sizeof start - 1) != 0) world.corrupt++;
    else if (memcmp(type, "message\"", 8) == 0) v1_message(client, data, length, now);
    else if (memcmp(type, "ack\"", 4) == 0) world.acks++;
    else if (memcmp(type, "welcome\"", 8) == 0) v1_welcome(client, data, length);
    else if (memcmp(type, "joined\"", 7) == 0) v1_joined(client, data, length);
    else if (memcmp(type, "error\"", 6) == 0) {
        world.errors++;
        complain("error frame", data, length);
    }
    return length;
}

static void v1_say(Client *client, const char *text, size_t length)
{
    char json[8192];
    int head = snprintf(json, 200, "{\"type\":\"send\",\"id\":\"%x-%x\",\"room\":\"%s\",\"text\":\"", world.run,
                        client->counter, room_of(client));
    memcpy(json + head, text, length);
    memcpy(json + head + length, "\"}", 2);
    client_frame(client, 1, json, (size_t)head + length + 2);
}

const Dialect v1 = {"v1", "trio-chat.v1", 1, false, v1_greet, v1_hear, v1_say};

/* --- NATS: lines and payloads in a stream of bytes ------------------------------------------------------------ */

static void nats_greet(Client *client)
{
    static const char hello[] = "CONNECT {\"verbose\":false,\"pedantic\":false}\r\nSUB chat 1\r\nPING\r\n";
    client_frame(client, 2, hello, sizeof hello - 1);
}

static size_t nats_hear(Client *client, const char *data, size_t length, uint64_t now)
{
    size_t at = 0;
    while (at < length) {
        const char *line = data + at, *end = memchr(line, '\n', length - at);
        if (!end) break;
        size_t used = (size_t)(end - line) + 1;
        if (memcmp(line, "MSG ", 4) == 0) { /* MSG chat 1 100\r\n<100 bytes>\r\n */
            const char *digits = end - 1;
            while (digits[-1] != ' ') digits--;
            size_t size = strtoul(digits, NULL, 10);
            if (length - at < used + size + 2) break;
            heard(client, end + 1, size, now);
            used += size + 2;
        } else if (memcmp(line, "PONG", 4) == 0) {
            if (client->state == GREETING) client_ready(client);
        } else if (memcmp(line, "PING", 4) == 0) {
            client_frame(client, 2, "PONG\r\n", 6);
        } else if (memcmp(line, "-ERR", 4) == 0) {
            world.errors++;
            complain("error", line, used);
        }
        at += used;
    }
    return at;
}

static void nats_say(Client *client, const char *text, size_t length)
{
    char operation[8192];
    int head = snprintf(operation, 64, "PUB chat %zu\r\n", length);
    memcpy(operation + head, text, length);
    memcpy(operation + head + length, "\r\n", 2);
    client_frame(client, 2, operation, (size_t)head + length + 2);
}

const Dialect nats = {"nats", NULL, 2, true, nats_greet, nats_hear, nats_say};
