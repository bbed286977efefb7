/* The audit: has every client heard every message, once, in the one order?
 *
 * Two checks per delivery, both O(1):
 * - per client and sender the counter must go up by one. A jump leaves a hole; what later fills a hole was
 *   misordered, what fills none was a duplicate, and holes left at the end are lost messages.
 * - all clients of a room must agree: its `Order` has a row for each place with the rolling hash of all (sender,
 *   counter) up to it, written by the first client to get there and compared by all others.
 *
 * The row also counts who has been there, which gives the latency of the last live client for every message. */
#ifndef LEDGER_H
#define LEDGER_H
#include <stdbool.h>
#include <stdint.h>
#include "stamp.h"

typedef struct {
    uint32_t sender, from, to; /* counters from .. to - 1 have not been heard */
} Hole;

typedef struct {
    uint64_t hash;
    uint32_t heard_by;
} Place;

typedef struct {
    Place *places;
    uint64_t room;
} Order;

typedef struct {
    Order *order;         /* of the client's room */
    uint64_t place, hash; /* how many messages were heard, and their rolling hash */
    uint32_t *next;       /* per sender: the counter that must come next */
    Hole *holes;
    unsigned hole_count, hole_room;
    bool disagrees; /* heard another order than the first client; no longer compared */
} Ledger;

typedef struct {
    uint64_t accepted, duplicates, misordered; /* deliveries, over all clients */
    uint32_t disagreeing;                      /* clients */
} Audit;

extern Audit audit;

void ledger_open(Ledger *ledger, unsigned senders, Order *order);
void ledger_anomaly(Ledger *ledger, Stamp stamp); /* the slow path of ledger_enter: not the expected counter */
void order_grow(Order *order);
uint64_t ledger_lost(const Ledger *ledger); /* messages still missing although later ones were heard */

/* Books one delivery. True when it was the last of the room's `live_clients` to reach this place in the order. */
static inline bool ledger_enter(Ledger *ledger, Stamp stamp, bool live, unsigned live_clients)
{
    if (__builtin_expect(stamp.counter != ledger->next[stamp.sender], 0)) {
        ledger_anomaly(ledger, stamp);
    } else {
        ledger->next[stamp.sender]++;
        audit.accepted++;
    }
    if (ledger->disagrees) return false;
    ledger->hash = (ledger->hash ^ ((uint64_t)stamp.sender << 32 | stamp.counter)) * 0x9e3779b97f4a7c15ull;
    if (__builtin_expect(ledger->place == ledger->order->room, 0)) order_grow(ledger->order);
    Place *place = &ledger->order->places[ledger->place++];
    if (place->hash == 0) place->hash = ledger->hash;
    if (place->hash != ledger->hash) {
        ledger->disagrees = true;
        audit.disagreeing++;
        return false;
    }
    return live && ++place->heard_by == live_clients;
}
#endif
