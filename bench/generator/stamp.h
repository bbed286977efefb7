/* What a message says: 40 hexadecimal digits, then dots up to its length.
 *
 *     run (8)  sender (8)  counter (8)  CLOCK_MONOTONIC nanoseconds when written (16)  ....
 *
 * Fixed width, so that a delivery is read with five 8-byte loads and no loop: a few nanoseconds. */
#ifndef STAMP_H
#define STAMP_H
#include <stdint.h>
#include <string.h>
#include <time.h>

enum { STAMP_LENGTH = 40 };

typedef struct {
    uint32_t run, sender, counter;
    uint64_t sent_ns;
} Stamp;

static inline uint64_t clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

/* Eight digits at once: each byte becomes its nibble, then neighbours are joined three times. */
static inline uint32_t hex_read(const char *text)
{
    uint64_t v;
    memcpy(&v, text, 8);
    v = (v & 0x0f0f0f0f0f0f0f0full) + 9 * ((v >> 6) & 0x0101010101010101ull);
    v = (v << 4 | v >> 8) & 0x00ff00ff00ff00ffull;
    v = (v << 8 | v >> 16) & 0x0000ffff0000ffffull;
    return (uint32_t)(v << 16 | v >> 32);
}

static inline void hex_write(char *text, uint32_t value)
{
    for (int i = 7; i >= 0; i--, value >>= 4) text[i] = "0123456789abcdef"[value & 15];
}

static inline Stamp stamp_read(const char *text)
{
    return (Stamp){hex_read(text), hex_read(text + 8), hex_read(text + 16),
                   (uint64_t)hex_read(text + 24) << 32 | hex_read(text + 32)};
}

static inline void stamp_write(char *text, Stamp stamp)
{
    hex_write(text, stamp.run);
    hex_write(text + 8, stamp.sender);
    hex_write(text + 16, stamp.counter);
    hex_write(text + 24, (uint32_t)(stamp.sent_ns >> 32));
    hex_write(text + 32, (uint32_t)stamp.sent_ns);
}
#endif
