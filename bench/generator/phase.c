/* What is measured in a phase, and the report. CPU time and memory of the server are read here, at the very moments
 * at which a phase begins and ends. */
#define _GNU_SOURCE
#include "generator.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static Phase phases[16];
static unsigned phase_count;

static double cpu_of(const Pids *processes)
{
    double seconds = 0;
    for (unsigned i = 0; i < processes->count; i++) {
        clockid_t clock;
        struct timespec t;
        if (clock_getcpuclockid(processes->pids[i], &clock) != 0 || clock_gettime(clock, &t) != 0) continue;
        seconds += (double)t.tv_sec + (double)t.tv_nsec / 1e9;
    }
    return seconds;
}

static double own_cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* What all cores did since the machine started, time stolen by other virtual machines included. */
static double machine_cpu(void)
{
    unsigned long user, nice, system, irq, softirq, steal;
    FILE *file = fopen("/proc/stat", "r");
    if (!file) return 0;
    int found = fscanf(file, "cpu %lu %lu %lu %*u %*u %lu %lu %lu", &user, &nice, &system, &irq, &softirq, &steal);
    fclose(file);
    return found == 6 ? (double)(user + nice + system + irq + softirq + steal) / (double)sysconf(_SC_CLK_TCK) : 0;
}

static uint64_t rss_of(int pid)
{
    char path[40], text[80];
    unsigned long resident = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", pid);
    int file = open(path, O_RDONLY);
    if (file < 0) return 0;
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    text[length > 0 ? length : 0] = 0;
    if (sscanf(text, "%*u %lu", &resident) != 1) return 0;
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t server_rss(void)
{
    uint64_t all = 0;
    for (unsigned i = 0; i < world.options.server.count; i++) all += rss_of(world.options.server.pids[i]);
    return all;
}

static void phase_end(void)
{
    Phase *p = world.phase;
    if (!p) return;
    p->ended_ns = clock_ns();
    p->server_cpu_s = cpu_of(&world.options.server) - p->server_cpu_s;
    p->store_cpu_s = cpu_of(&world.options.store) - p->store_cpu_s;
    p->generator_cpu_s = own_cpu() - p->generator_cpu_s;
    p->others_cpu_s = machine_cpu() - p->others_cpu_s - p->server_cpu_s - p->store_cpu_s - p->generator_cpu_s;
    p->server_rss = server_rss();
    if (p->server_rss > p->server_rss_peak) p->server_rss_peak = p->server_rss;
}

void phase(const char *name)
{
    phase_end();
    Phase *p = world.phase = &phases[phase_count++];
    p->name = name;
    p->began_ns = clock_ns();
    p->server_cpu_s = cpu_of(&world.options.server);
    p->store_cpu_s = cpu_of(&world.options.store);
    p->generator_cpu_s = own_cpu();
    p->others_cpu_s = machine_cpu();
}

void phase_sample(uint64_t now)
{
    static uint64_t next;
    if (now < next) return;
    next = now + 50000000;
    uint64_t rss = server_rss();
    if (rss > world.phase->server_rss_peak) world.phase->server_rss_peak = rss;
}

static void print_latency(const char *name, const Histogram *h)
{
    printf(", \"%s\": {\"count\": %lu, \"p50_ms\": %.3f, \"p90_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f}", name,
           h->count, (double)histogram_at(h, 0.5) / 1e6, (double)histogram_at(h, 0.9) / 1e6,
           (double)histogram_at(h, 0.99) / 1e6, (double)h->max / 1e6);
}

static void print_phase(const Phase *p)
{
    double seconds = (double)(p->ended_ns - p->began_ns) / 1e9;
    double until_last = p->last_heard_ns ? (double)(p->last_heard_ns - p->began_ns) / 1e9 : 0;
    printf("\"%s\": {\"seconds\": %.4f, \"sent\": %lu, \"deliveries\": %lu, \"last_heard_s\": %.4f", p->name, seconds,
           p->sent, p->deliveries, until_last);
    printf(", \"server_cpu_s\": %.4f, \"generator_cpu_s\": %.4f, \"others_cpu_s\": %.4f", p->server_cpu_s,
           p->generator_cpu_s, p->others_cpu_s);
    printf(", \"store_cpu_s\": %.4f", p->store_cpu_s);
    printf(", \"server_rss\": %lu, \"server_rss_peak\": %lu", p->server_rss, p->server_rss_peak);
    if (p->live.count) print_latency("live", &p->live);
    if (p->absent.count) print_latency("absent", &p->absent);
    if (p->last.count) print_latency("last", &p->last);
    if (p->elsewhere.count) print_latency("elsewhere", &p->elsewhere);
    printf("}");
}

void report(void)
{
    uint64_t lost = 0, undelivered = 0;
    phase_end();
    for (unsigned i = 0; i < world.options.clients; i++) {
        const Ledger *ledger = &world.clients[i].ledger;
        lost += ledger_lost(ledger);
        for (unsigned s = 0; s < world.options.senders; s++)
            if (world.clients[s].room == world.clients[i].room) undelivered += world.clients[s].counter - ledger->next[s];
    }
    printf("{\"workload\": \"%s\", \"clients\": %u, \"senders\": %u, \"payload\": %zu", world.options.workload,
           world.options.clients, world.options.senders, world.options.payload);
    printf(", \"sent\": %lu, \"expected\": %lu, \"accepted\": %lu, \"lost\": %lu, \"undelivered\": %lu", world.sent,
           world.expected, audit.accepted, lost, undelivered);
    printf(", \"duplicates\": %lu, \"misordered\": %lu, \"disagreeing_clients\": %u", audit.duplicates,
           audit.misordered, audit.disagreeing);
    printf(", \"foreign\": %lu, \"corrupt\": %lu, \"seq_gaps\": %lu, \"acks\": %lu", world.foreign, world.corrupt,
           world.seq_gaps, world.acks);
    printf(", \"errors\": %lu, \"resets\": %lu, \"connections_lost\": %lu, \"retries\": %lu", world.errors, world.resets,
           world.connections_lost, world.retries);
    printf(", \"first_error\": \"%s\"", world.first_error);
    print_latency("opening", &world.opening_time);
    printf(", \"phases\": {");
    for (unsigned i = 0; i < phase_count; i++) {
        if (i) printf(", ");
        print_phase(&phases[i]);
    }
    printf("}}\n");
}
