#include "tests/fakes/write_oracle.h"

#include <string.h>

/* A resource's counters stand side by side: oracle_key_count counts its key once. */
const struct oracle_counter oracle_counters[ORACLE_COUNTERS] = {
    {"a", "n", STATUS_OK},
    {"a", "m", STATUS_OK},
    {"b", "n", STATUS_OK},
    {"c", "n", STATUS_OK},
    {"no-number", "n", STATUS_DATA_DAMAGED},
    {"no-hash", "n", STATUS_DATA_DAMAGED},
};

static struct oracle_result increment(struct oracle *oracle, const struct oracle_item *item)
{
    struct oracle_key *key = &oracle->keys[item->counter][item->key];
    if (key->kept) {
        return key->delta == item->delta ? (struct oracle_result){STATUS_OK, key->value, true}
                                         : (struct oracle_result){.status = STATUS_KEY_REUSED};
    }
    const enum status refused = oracle_counters[item->counter].refused;
    if (refused != STATUS_OK) {
        return (struct oracle_result){.status = refused};
    }
    int64_t sum;
    if (__builtin_add_overflow(oracle->values[item->counter], item->delta, &sum)) {
        return (struct oracle_result){.status = STATUS_OVERFLOW};
    }
    oracle->values[item->counter] = sum;
    oracle->exists[item->counter] = true;
    if (item->key != 0) {
        *key = (struct oracle_key){true, item->delta, sum};
    }
    return (struct oracle_result){STATUS_OK, sum, false};
}

static bool same_items(const struct oracle_batch *a, const struct oracle_batch *b)
{
    bool same = a->item_count == b->item_count;
    for (size_t i = 0; same && i < a->item_count; i++) {
        same = a->items[i].counter == b->items[i].counter && a->items[i].key == b->items[i].key &&
               a->items[i].delta == b->items[i].delta;
    }
    return same;
}

struct oracle_answer oracle_write(struct oracle *oracle, const struct oracle_batch *batch)
{
    struct oracle_session *session = &oracle->sessions[batch->session];
    struct oracle_lane *lane = &session->lanes[batch->lane];
    if (!session->exists) {
        return (struct oracle_answer){.letter = 'N'};
    }
    if (lane->sequence > batch->sequence) {
        return (struct oracle_answer){.letter = 'C'};
    }
    struct oracle_answer answer = {.letter = 'M'};
    if (lane->sequence < batch->sequence) {
        answer.letter = 'A';
        for (size_t i = 0; i < batch->item_count; i++) {
            answer.results[i] = increment(oracle, &batch->items[i]);
        }
        *lane = (struct oracle_lane){batch->sequence, *batch, answer};
    } else if (same_items(&lane->batch, batch)) {
        answer = lane->answer;
        answer.letter = 'S';
    }
    return answer;
}

void oracle_open_session(struct oracle *oracle, unsigned session)
{
    oracle->sessions[session] = (struct oracle_session){.exists = true};
}

void oracle_end_session(struct oracle *oracle, unsigned session)
{
    oracle->sessions[session].exists = false;
}

void oracle_flush(struct oracle *oracle)
{
    memset(oracle, 0, sizeof(*oracle));
}

size_t oracle_session_fields(const struct oracle *oracle, unsigned session)
{
    size_t fields = oracle->sessions[session].exists;
    for (size_t lane = 0; fields > 0 && lane < ORACLE_LANES; lane++) {
        fields += oracle->sessions[session].lanes[lane].sequence != 0;
    }
    return fields;
}

size_t oracle_key_count(const struct oracle *oracle)
{
    size_t count = 0;
    const char *last = "";
    for (size_t i = 0; i < ORACLE_COUNTERS; i++) {
        if (oracle->exists[i] && strcmp(oracle_counters[i].resource_id, last) != 0) {
            last = oracle_counters[i].resource_id;
            count++;
        }
        for (size_t key = 0; key < ORACLE_KEYS; key++) {
            count += oracle->keys[i][key].kept;
        }
    }
    for (size_t i = 0; i < ORACLE_SESSIONS_MAX; i++) {
        count += oracle->sessions[i].exists;
    }
    return count;
}
