#include "counter-service/outbox/outbox_entry.h"

#include <stdlib.h>
#include <string.h>

struct outbox_entry *outbox_entry_copy(const struct outbox_raw_entry *raw, unsigned partition)
{
    struct outbox_entry *entry = malloc(sizeof(*entry) + raw->items.len + raw->results.len);
    if (entry == NULL) {
        return NULL;
    }
    *entry = (struct outbox_entry){.id = raw->id};
    memcpy(entry->bytes, raw->items.data, raw->items.len);
    memcpy(entry->bytes + raw->items.len, raw->results.data, raw->results.len);
    const struct text items = {entry->bytes, raw->items.len};
    const struct text results = {entry->bytes + raw->items.len, raw->results.len};
    entry->is_damaged = event_batch_open(&entry->reader, partition, raw->id, items, results) != 0;
    if (!entry->is_damaged) {
        outbox_entry_advance(entry);
    }
    return entry;
}

void outbox_entry_advance(struct outbox_entry *entry)
{
    const int found = event_batch_next(&entry->reader, &entry->next);
    entry->next_number++;
    entry->has_next = found == 1;
    entry->is_damaged = found < 0;
}

uint64_t outbox_entry_count(const struct outbox_entry *entry)
{
    struct event_batch_reader reader = entry->reader;
    struct event event;
    uint64_t count = entry->has_next ? 1 : 0;
    while (entry->has_next && event_batch_next(&reader, &event) == 1) {
        count++;
    }
    return count;
}
