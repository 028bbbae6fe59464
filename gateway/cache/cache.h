/* Answers that may be given again while they are young enough.
 *
 *     a read: cache_get ─┬─> held
 *                        └─> cache_begin_read ─> it is asked for ─> cache_end_read: kept, if the rules allow it
 *     a write's answer: cache_note_write
 *
 * A counter had the value at some moment between asked_us, when the request that brought it was sent, and its coming.
 * So its age, counted from asked_us, is never less than it really is, however long it was on its way; and when that is
 * its lifetime, it is given no more. That is the promise, and it needs no rule below. These keep a value from going
 * back:
 *
 *   - The answer to a read is kept if it was asked for after the last answer about the same key had come. An entry is
 *     there, and remembers when that was, as long as a read of it is out. If it overlaps the read whose answer is held,
 *     and differs, nothing is held. If it overlaps a write's, that stays: it is never what was before the write.
 *   - The answer to a write is kept by the same rule, but an entry that has seen no answer yet counts from when it was
 *     made. If the two overlap, their order is known by the values only: the write's is kept if it is what is held and
 *     its delta, and no write that lowers a counter was out meanwhile; if it is what is held, that stays; else nothing
 * is held.
 *   - After a write that is not known to have made a value nothing is held.
 *   - Whoever reads after a write's answer does not wait for a read that was out before (cache_reader).
 *
 * Bounded by entries and by bytes of bodies: the least recently used goes first. More entries than that are there only
 * while as many reads are out.
 *
 * Pure: times are arguments, of clock_boottime_us. Each event loop owns its own; loop thread only. */
#ifndef TALLY_GATEWAY_CACHE_CACHE_H
#define TALLY_GATEWAY_CACHE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/text.h"
#include "gateway/cache/cache_key.h"

struct cache_answer {
    int64_t number;      /* the value of a counter */
    struct text body;    /* a ranking, as JSON; empty: it is a counter */
    int64_t asked_us;    /* when the request that brought it was sent */
    int64_t aged_us;     /* how old it was then at most; a counter's was read later: 0 */
    int64_t lifetime_us; /* how old it may become */
};

static inline int64_t cache_answer_age_us(const struct cache_answer *answer, int64_t now_us)
{
    return now_us - answer->asked_us + answer->aged_us;
}

/* How a write ended. */
struct cache_write {
    bool is_known; /* its effect is: the two below */
    int64_t value; /* that it made */
    int64_t delta;
    int64_t asked_us;
    int64_t lifetime_us;
};

struct cache;
struct cache_entry; /* of one key */

/* seed: of the hash, so that nobody can choose keys that collide. NULL when out of memory. */
struct cache *cache_create(size_t entries_max, size_t body_bytes_max, uint64_t seed) MUST_CHECK;
/* No read is out. NULL is fine. */
void cache_free(struct cache *cache);
size_t cache_count(const struct cache *cache);

/* NULL: there is none. Valid until the next call that is not cache_get. */
struct cache_entry *cache_find(const struct cache *cache, const struct cache_key *key);
/* What the entry holds, if that is younger than max_age_us; else NULL. Valid as long as the entry. */
const struct cache_answer *cache_get(struct cache *cache, struct cache_entry *entry, int64_t now_us,
                                     int64_t max_age_us);
/* The last that began to read this, to wait for; NULL: none, or a write's answer has come since. */
void *cache_reader(const struct cache_entry *entry);

/* A read is being sent. The entry is there until cache_end_read. NULL when out of memory. */
struct cache_entry *cache_begin_read(struct cache *cache, const struct cache_key *key, void *reader, int64_t now_us);
/* answer: copied; NULL: the read failed. */
void cache_end_read(struct cache *cache, struct cache_entry *entry, const void *reader,
                    const struct cache_answer *answer, int64_t now_us);

/* A write with a delta below 0 is being sent, whether there is an entry or not; it has ended, after cache_note_write.
 * One whose end is unknown counts no more then: if it is applied later still, a value may go back. */
void cache_begin_lowering(struct cache *cache);
void cache_end_lowering(struct cache *cache, int64_t now_us);
/* The answer to a write of that counter has come. */
void cache_note_write(struct cache *cache, const struct cache_key *key, const struct cache_write *write,
                      int64_t now_us);

#endif
