/* A WebSocket load generator: one thread, one epoll, no allocation and no system call per message.
 *
 *   main.c      options; the workloads, each a sequence of phases
 *   phase.c     what is measured in a phase (deliveries, latency, CPU and memory of the server); the JSON report
 *   traffic.c   saying and hearing messages; pace; one turn of the event loop
 *   client.c    one connection: connect, upgrade, frames in and out
 *   dialect.c   what is said inside the frames: plain text, trio-chat.v1, NATS
 *   ledger.h    was every message heard once, by all, in one order?
 *   stamp.h     the message itself; histogram.h the latencies
 *
 * Everything read goes through one large buffer and is parsed where it lies; only an incomplete frame at its end is
 * copied to the client it belongs to. So ten thousand clients cost little, and some millions of messages a second
 * are read on one core, which a generator must be able to do if it is not to measure itself. */
#ifndef GENERATOR_H
#define GENERATOR_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "histogram.h"
#include "ledger.h"
#include "stamp.h"

typedef struct {
    char *data;
    size_t length, room;
} Buffer;

char *buffer_extend(Buffer *buffer, size_t length); /* makes the buffer longer; the start of the new bytes */

/* --- clients ---------------------------------------------------------------------------------------------- */

typedef enum { GONE, CONNECTING, UPGRADING, GREETING, READY } State;

typedef struct Client {
    int fd;
    State state;
    bool live; /* not one of those that stop reading or are cut off: its latency is counted by itself */
    bool writable_wanted, paused;
    uint32_t index, node, room;
    const struct Dialect *dialect;
    uint64_t opened_ns;
    Buffer in, out;  /* an incomplete frame; frames not yet written */
    size_t stream;   /* NATS: how much of `in` has been taken out of its frames already */
    uint64_t frame_left;
    uint32_t counter; /* messages said; the counter of the next one */
    uint32_t owed;    /* own messages heard since the last write: in a window each is followed by a new one */
    Ledger ledger;
    uint64_t seq, head; /* v1: the cursor, and the head it has to reach to be level with the others */
    bool behind;
    char token[80], stamp[208], epoch[80];
} Client;

typedef struct Dialect {
    const char *name, *subprotocol;
    uint8_t opcode;
    bool streams; /* frames only carry a stream of bytes, whose parts may lie across frames */
    void (*greet)(Client *);
    size_t (*hear)(Client *, const char *data, size_t length, uint64_t now); /* how much of it was used up */
    void (*say)(Client *, const char *text, size_t length);
} Dialect;

extern const Dialect plain, v1, nats;

void client_open(Client *client);
void client_ready(Client *client); /* by the dialect: greeted, and in the room */
void client_frame(Client *client, uint8_t opcode, const char *data, size_t length);
void client_flush(Client *client);
void client_event(Client *client, uint32_t events);
void client_pause(Client *client, bool paused); /* stop, or go on, reading */
void client_cut(Client *client);                /* a TCP reset, as when a network goes away */

/* --- traffic ---------------------------------------------------------------------------------------------- */

void say(Client *client);
void heard(Client *client, const char *text, size_t length, uint64_t now);
void turn(uint64_t until);                                    /* one turn of the loop, not longer than until */
bool run_until(uint64_t until, bool (*done)(void));           /* false when the time was over first */
static inline uint64_t seconds_from_now(double seconds) { return clock_ns() + (uint64_t)(seconds * 1e9); }

/* --- phases ----------------------------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    uint64_t began_ns, ended_ns, last_heard_ns, sent, deliveries;
    double server_cpu_s, store_cpu_s, generator_cpu_s, others_cpu_s; /* at the beginning, then of the phase */
    uint64_t server_rss;                  /* at its end */
    uint64_t server_rss_peak;
    Histogram live, absent, last; /* latency of a delivery; of a message until its last live client heard it */
    Histogram elsewhere;          /* of a delivery by another node than that which it was said at */
} Phase;

void phase(const char *name); /* ends the phase before */
void phase_sample(uint64_t now);
void report(void);

/* --- the world -------------------------------------------------------------------------------------------- */

enum { MAX_NODES = 8, MAX_PIDS = 256 };

typedef struct {
    int pids[MAX_PIDS];
    unsigned count;
} Pids;

typedef struct {
    const char *workload;
    const Dialect *dialects[2]; /* of clients with an even, an odd index */
    uint16_t ports[MAX_NODES];
    unsigned nodes, rooms;
    unsigned clients, senders, window, concurrency, live;
    double rate, seconds, warmup, away, drain;
    size_t payload;
    Pids server, store;
} Options;

typedef struct {
    Options options;
    int epoll;
    uint32_t run;
    Client *clients;
    Phase *phase;
    Histogram opening_time; /* connect() until in the room */
    unsigned opening, ready, live, behind;
    bool windowed;    /* own messages heard are followed by new ones */
    double pace;      /* messages per second, 0: none */
    uint64_t sent, expected; /* messages, and their deliveries */
    unsigned *retry, retry_count; /* clients whose opening failed */
    uint64_t retries, connections_lost, foreign, corrupt, seq_gaps, acks, errors, resets;
    char first_error[240];
} World;

extern World world;
void complain(const char *kind, const char *text, size_t length); /* keeps the first error for the report */
#endif
