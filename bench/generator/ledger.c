/* The rare parts of the audit: growing its tables, and what to make of a counter that was not expected. */
#include "ledger.h"
#include <stdlib.h>

Audit audit;

void ledger_open(Ledger *ledger, unsigned senders, Order *order)
{
    ledger->order = order;
    ledger->next = calloc(senders, sizeof *ledger->next);
    ledger->hash = 1;
}

void order_grow(Order *order)
{
    uint64_t room = order->room ? order->room * 2 : 1 << 10;
    order->places = realloc(order->places, room * sizeof *order->places);
    memset(order->places + order->room, 0, (room - order->room) * sizeof *order->places);
    order->room = room;
}

static void add_hole(Ledger *ledger, Hole hole)
{
    if (hole.from == hole.to) return;
    if (ledger->hole_count == ledger->hole_room) {
        ledger->hole_room = ledger->hole_room ? ledger->hole_room * 2 : 8;
        ledger->holes = realloc(ledger->holes, ledger->hole_room * sizeof *ledger->holes);
    }
    ledger->holes[ledger->hole_count++] = hole;
}

void ledger_anomaly(Ledger *ledger, Stamp stamp)
{
    uint32_t expected = ledger->next[stamp.sender];
    if (stamp.counter > expected) {
        add_hole(ledger, (Hole){stamp.sender, expected, stamp.counter});
        ledger->next[stamp.sender] = stamp.counter + 1;
        audit.accepted++;
        return;
    }
    for (unsigned i = ledger->hole_count; i-- > 0;) {
        Hole hole = ledger->holes[i];
        if (hole.sender != stamp.sender || stamp.counter < hole.from || stamp.counter >= hole.to) continue;
        ledger->holes[i] = ledger->holes[--ledger->hole_count];
        add_hole(ledger, (Hole){hole.sender, hole.from, stamp.counter});
        add_hole(ledger, (Hole){hole.sender, stamp.counter + 1, hole.to});
        audit.misordered++;
        audit.accepted++;
        return;
    }
    audit.duplicates++;
}

uint64_t ledger_lost(const Ledger *ledger)
{
    uint64_t lost = 0;
    for (unsigned i = 0; i < ledger->hole_count; i++) lost += ledger->holes[i].to - ledger->holes[i].from;
    return lost;
}
