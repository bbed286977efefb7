/* Saying and hearing messages, the pace, and the turn of the event loop. */
#define _GNU_SOURCE
#include "generator.h"
#include <stdio.h>
#include <sys/epoll.h>

World world;

void complain(const char *kind, const char *text, size_t length)
{
    if (world.first_error[0]) return;
    snprintf(world.first_error, sizeof world.first_error, "%s: %.*s", kind, (int)length, text);
    for (char *c = world.first_error; *c; c++)
        if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\') *c = *c == '"' ? '\'' : ' ';
}

/* The stamp holds the moment of writing, not the moment planned: the generator never waits for a server (what a socket
 * does not take is kept here), so a slow server cannot hide its delay by slowing the generator down. */
void say(Client *client)
{
    static char text[8192];
    if (!text[0]) memset(text, '.', sizeof text);
    stamp_write(text, (Stamp){world.run, client->index, client->counter, clock_ns()});
    client->dialect->say(client, text, world.options.payload);
    client->counter++;
    world.sent++;
    world.expected += world.options.clients / world.options.rooms;
    world.phase->sent++;
}

void heard(Client *client, const char *text, size_t length, uint64_t now)
{
    Stamp stamp;
    if (length != world.options.payload || (stamp = stamp_read(text)).run != world.run ||
        stamp.sender >= world.options.senders) {
        if (length >= 8 && hex_read(text) == world.run) world.corrupt++;
        else world.foreign++;
        return;
    }
    Phase *phase = world.phase;
    uint64_t latency = now - stamp.sent_ns;
    phase->deliveries++;
    phase->last_heard_ns = now;
    histogram_add(client->live ? &phase->live : &phase->absent, latency);
    if (world.clients[stamp.sender].node != client->node) histogram_add(&phase->elsewhere, latency);
    if (ledger_enter(&client->ledger, stamp, client->live, world.live / world.options.rooms))
        histogram_add(&phase->last, latency);
    if (world.windowed && stamp.sender == client->index) client->owed++;
}

/* Says what is due at the pace; when the next message is. Senders take turns. */
static uint64_t keep_pace(uint64_t now)
{
    static uint64_t due;
    static unsigned next;
    if (world.pace == 0) {
        due = 0;
        return UINT64_MAX;
    }
    if (due == 0) due = now;
    for (; due <= now; due += (uint64_t)(1e9 / world.pace)) {
        Client *client = &world.clients[next++ % world.options.senders];
        if (client->state != READY) continue;
        say(client);
        client_flush(client);
    }
    return due;
}

void turn(uint64_t until)
{
    static struct epoll_event events[512];
    uint64_t now = clock_ns(), next = keep_pace(now), limit = now + 50000000;
    if (next < limit) limit = next;
    if (until < limit) limit = until;
    uint64_t wait = limit > now ? limit - now : 0;
    struct timespec timeout = {0, (long)wait};
    int count = epoll_pwait2(world.epoll, events, 512, &timeout, NULL);
    for (int i = 0; i < count; i++) {
        Client *client = events[i].data.ptr;
        if (client->state != GONE) client_event(client, events[i].events);
    }
    phase_sample(now);
}

bool run_until(uint64_t until, bool (*done)(void))
{
    while (!done || !done()) {
        if (clock_ns() >= until) return false;
        turn(until);
    }
    return true;
}
