/* A histogram of durations in nanoseconds, after the idea of HdrHistogram: 32 equal buckets for every power of
 * two, so that any value is kept to 3 % with one shift, one add and no memory beyond the table. */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H
#include <stdint.h>

enum { SUB_BITS = 5, SUBS = 1 << SUB_BITS, BUCKETS = (64 - SUB_BITS + 1) * SUBS };

typedef struct {
    uint64_t count, max;
    uint64_t bucket[BUCKETS];
} Histogram;

static inline void histogram_add(Histogram *h, uint64_t value)
{
    unsigned index = (unsigned)value;
    if (value >= SUBS) {
        unsigned shift = 63 - (unsigned)__builtin_clzll(value) - SUB_BITS; /* value >> shift is 32 .. 63 */
        index = (shift + 1) * SUBS + (unsigned)(value >> shift) - SUBS;
    }
    h->bucket[index]++;
    h->count++;
    if (value > h->max) h->max = value;
}

/* The value that a share of all values does not exceed (the middle of its bucket); 0 when empty. */
static inline uint64_t histogram_at(const Histogram *h, double share)
{
    uint64_t rank = (uint64_t)(share * (double)h->count), seen = 0;
    if (h->count == 0) return 0;
    if (rank >= h->count) rank = h->count - 1;
    for (unsigned index = 0; index < BUCKETS; index++) {
        seen += h->bucket[index];
        if (seen <= rank) continue;
        if (index < SUBS) return index;
        unsigned shift = index / SUBS - 1;
        uint64_t middle = ((uint64_t)(index % SUBS + SUBS) << shift) + ((1ull << shift) >> 1);
        return middle < h->max ? middle : h->max;
    }
    return h->max;
}
#endif
