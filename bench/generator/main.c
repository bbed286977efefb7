/* The workloads. Each is a sequence of phases; everything else lies in the event loop below them. */
#define _GNU_SOURCE
#include "generator.h"
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>

static const double QUIET_S = 2.0; /* nothing heard for so long: what is missing will not come any more */

static bool all_heard(void)
{
    return audit.accepted == world.expected;
}

static bool all_heard_or_quiet(void)
{
    uint64_t since = world.phase->last_heard_ns ? world.phase->last_heard_ns : world.phase->began_ns;
    return all_heard() || clock_ns() - since > (uint64_t)(QUIET_S * 1e9);
}

static bool nobody_is_behind(void)
{
    return world.behind == 0;
}

/* Opens the clients from first on, so many at a time as the options say; on return all are in the room. */
static void open_clients(unsigned first)
{
    uint64_t end = seconds_from_now(180);
    unsigned next = first, all = world.options.clients;
    while (world.ready < all) {
        while (world.opening < world.options.concurrency && (next < all || world.retry_count)) {
            unsigned index = next < all ? next++ : world.retry[--world.retry_count];
            client_open(&world.clients[index]);
        }
        if (world.retries > all || world.connections_lost || clock_ns() > end) {
            fprintf(stderr, "Only %u of %u clients could connect, after %lu retries. First error: %s\n", world.ready, all,
                    world.retries, world.first_error);
            exit(1);
        }
        turn(end);
    }
}

static void say_at_once(unsigned senders, unsigned messages)
{
    for (unsigned i = 0; i < senders; i++) {
        for (unsigned n = 0; n < messages; n++) say(&world.clients[i]);
        client_flush(&world.clients[i]);
    }
}

static void run_for(double seconds)
{
    run_until(seconds_from_now(seconds), NULL);
}

static void drain(void)
{
    phase("drain");
    world.windowed = false;
    world.pace = 0;
    run_until(seconds_from_now(world.options.drain), all_heard_or_quiet);
}

/* W1, W2: a fixed number of messages outstanding; who hears its own sends the next. */
static void window(void)
{
    phase("warmup");
    world.windowed = true;
    say_at_once(world.options.senders, world.options.window / world.options.senders);
    run_for(world.options.warmup);
    phase("steady");
    run_for(world.options.seconds);
    drain();
}

/* W3, W4: a fixed rate, the senders in turn. */
static void rate(void)
{
    phase("warmup");
    world.pace = world.options.rate;
    run_for(world.options.warmup);
    phase("steady");
    run_for(world.options.seconds);
    drain();
}

/* W5: every sender says one message at the same instant. */
static void burst(void)
{
    phase("burst");
    say_at_once(world.options.senders, 1);
    run_until(seconds_from_now(world.options.drain), all_heard_or_quiet);
}

/* W6, W7: the clients are there and do nothing; the phase "open" before is what accepting them cost. */
static void idle(void)
{
    phase("idle");
    run_for(world.options.seconds);
}

/* W7: all but the first `live` clients are cut off, miss some messages, and come back all at once with their cursors. */
static void storm(void)
{
    phase("warmup");
    world.pace = world.options.rate;
    run_for(world.options.warmup);
    phase("steady");
    run_for(world.options.seconds);
    phase("cut");
    for (unsigned i = world.live; i < world.options.clients; i++) client_cut(&world.clients[i]);
    run_for(world.options.away);
    phase("return");
    open_clients(world.live);
    run_until(seconds_from_now(world.options.drain), nobody_is_behind);
    drain();
}

/* W8: at a fixed rate, the clients after the first `live` stop reading for a while. */
static void stall(void)
{
    phase("warmup");
    world.pace = world.options.rate;
    run_for(world.options.warmup);
    phase("steady");
    run_for(world.options.seconds);
    phase("stalled");
    for (unsigned i = world.live; i < world.options.clients; i++) client_pause(&world.clients[i], true);
    run_for(world.options.away);
    phase("resumed");
    for (unsigned i = world.live; i < world.options.clients; i++) client_pause(&world.clients[i], false);
    run_for(world.options.seconds);
    drain();
}

static const struct {
    const char *name;
    void (*run)(void);
} workloads[] = {{"window", window}, {"rate", rate}, {"burst", burst}, {"idle", idle}, {"storm", storm}, {"stall", stall}};

static void usage(void)
{
    fprintf(stderr,
            "generator --port P[,P...] --workload window|rate|burst|idle|storm|stall\n"
            "  --dialect plain|v1|nats|mixed  --clients N  --senders N  --payload BYTES (40 to 8000)\n"
            "  --window N (messages outstanding in all)  --rate N (messages a second in all)\n"
            "  --warmup S  --seconds S  --away S (stalled or cut off)  --drain S (wait for the rest, at most)\n"
            "  --live N (storm, stall: the clients from number N on are cut off, or stop reading)\n"
            "  --concurrency N (handshakes at the same time)\n"
            "  --server-pid PID[,PID...] (measure their CPU and memory)  --store-pid PID[,PID...] (likewise the CPU)\n"
            "  --rooms N (v1: clients and senders spread over so many rooms, and each room over the ports)\n"
            "Prints one JSON object. Exits with 1 when the clients cannot connect.\n");
    exit(2);
}

/* Numbers with commas between them; how many there are. */
static unsigned numbers(char *text, int *into, unsigned most)
{
    unsigned count = 0;
    for (char *one = strtok(text, ","); one && count < most; one = strtok(NULL, ",")) into[count++] = atoi(one);
    return count;
}

static Options parse(int argc, char **argv)
{
    Options o = {.dialects = {&plain, &plain}, .clients = 100, .senders = 10, .window = 100, .concurrency = 64,
                 .rate = 200, .seconds = 5, .warmup = 1, .away = 10, .drain = 20, .payload = 100,
                 .rooms = 1};
    int ports[MAX_NODES];
    static const struct option names[] = {
        {"port", 1, 0, 'p'},    {"workload", 1, 0, 'w'}, {"dialect", 1, 0, 'd'}, {"clients", 1, 0, 'c'},
        {"senders", 1, 0, 's'}, {"payload", 1, 0, 'y'},  {"window", 1, 0, 'o'},  {"rate", 1, 0, 'r'},
        {"warmup", 1, 0, 'u'},  {"seconds", 1, 0, 't'},  {"away", 1, 0, 'a'},    {"drain", 1, 0, 'n'},
        {"live", 1, 0, 'l'},    {"concurrency", 1, 0, 'i'}, {"server-pid", 1, 0, 'k'}, {"store-pid", 1, 0, 'q'},
        {"rooms", 1, 0, 'm'},   {0, 0, 0, 0}};
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (c) {
        case 'p':
            o.nodes = numbers(optarg, ports, MAX_NODES);
            for (unsigned n = 0; n < o.nodes; n++) o.ports[n] = (uint16_t)ports[n];
            break;
        case 'm': o.rooms = (unsigned)atoi(optarg); break;
        case 'w': o.workload = optarg; break;
        case 'c': o.clients = (unsigned)atoi(optarg); break;
        case 's': o.senders = (unsigned)atoi(optarg); break;
        case 'y': o.payload = (size_t)atoi(optarg); break;
        case 'o': o.window = (unsigned)atoi(optarg); break;
        case 'r': o.rate = atof(optarg); break;
        case 'u': o.warmup = atof(optarg); break;
        case 't': o.seconds = atof(optarg); break;
        case 'a': o.away = atof(optarg); break;
        case 'n': o.drain = atof(optarg); break;
        case 'l': o.live = (unsigned)atoi(optarg); break;
        case 'i': o.concurrency = (unsigned)atoi(optarg); break;
        case 'k': o.server.count = numbers(optarg, o.server.pids, MAX_PIDS); break;
        case 'q': o.store.count = numbers(optarg, o.store.pids, MAX_PIDS); break;
        case 'd':
            if (strcmp(optarg, "v1") == 0) o.dialects[0] = o.dialects[1] = &v1;
            else if (strcmp(optarg, "nats") == 0) o.dialects[0] = o.dialects[1] = &nats;
            else if (strcmp(optarg, "mixed") == 0) o.dialects[1] = &v1;
            else if (strcmp(optarg, "plain") != 0) usage();
            break;
        default: usage();
        }
    }
    if (o.live == 0) o.live = o.clients;
    if (!o.rooms || o.clients % o.rooms || (o.rooms > 1 && o.live < o.clients)) usage();
    if (!o.nodes || !o.workload || o.senders > o.live || o.live > o.clients || o.payload < STAMP_LENGTH ||
        o.payload > 8000 || !o.senders)
        usage();
    return o;
}

int main(int argc, char **argv)
{
    struct rlimit files;
    world.options = parse(argc, argv);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    signal(SIGPIPE, SIG_IGN);

    world.epoll = epoll_create1(0);
    world.run = (uint32_t)(clock_ns() * 2654435761u >> 7);
    world.live = world.options.live;
    world.clients = calloc(world.options.clients, sizeof *world.clients);
    world.retry = calloc(world.options.clients, sizeof *world.retry);
    Order *orders = calloc(world.options.rooms, sizeof *orders);
    for (unsigned i = 0; i < world.options.clients; i++) {
        Client *client = &world.clients[i];
        unsigned rooms = world.options.rooms;
        *client = (Client){.fd = -1, .index = i, .live = i < world.live, .dialect = world.options.dialects[i % 2],
                           .room = i % rooms, .node = (i % rooms + i / rooms) % world.options.nodes};
        ledger_open(&client->ledger, world.options.senders, &orders[client->room]);
    }
    for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++) {
        if (strcmp(workloads[i].name, world.options.workload) != 0) continue;
        phase("before");
        phase("open");
        open_clients(0);
        workloads[i].run();
        report();
        return 0;
    }
    usage();
}
