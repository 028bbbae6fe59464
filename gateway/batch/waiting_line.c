#include "gateway/batch/waiting_line.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/batch/batcher.h"

int waiting_line_reserve(struct waiting_line *line, size_t more)
{
    const size_t waiting = waiting_line_count(line);
    if (line->end + more <= line->capacity) {
        return 0;
    }
    if (line->first > 0) {
        memmove(line->entries, line->entries + line->first, waiting * sizeof(line->entries[0]));
        line->first = 0;
        line->end = waiting;
    }
    if (waiting + more <= line->capacity) {
        return 0;
    }
    const size_t capacity = 2 * (waiting + more);
    struct entry *entries = realloc(line->entries, capacity * sizeof(entries[0]));
    if (entries == NULL) {
        return -1;
    }
    line->entries = entries;
    line->capacity = capacity;
    return 0;
}

/* Behind those due no later. Nearly always that is the end, so it is looked for from there. */
static struct entry *open_places(struct waiting_line *line, int64_t deadline_us, size_t count)
{
    assert(line->end + count <= line->capacity);
    size_t at = line->end;
    while (at > line->first && line->entries[at - 1].submission->deadline_us > deadline_us) {
        at--;
    }
    memmove(line->entries + at + count, line->entries + at, (line->end - at) * sizeof(line->entries[0]));
    line->end += count;
    return line->entries + at;
}

size_t waiting_line_add(struct waiting_line *line, struct submission *submission)
{
    size_t count = 0;
    for (size_t i = 0; i < submission->operation_count; i++) {
        count += !submission->operations[i].done;
    }
    assert(count > 0);
    struct entry *place = open_places(line, submission->deadline_us, count);
    for (size_t i = 0; i < submission->operation_count; i++) {
        if (!submission->operations[i].done) {
            *place++ = (struct entry){submission, &submission->operations[i]};
        }
    }
    return count;
}

void waiting_line_put_back(struct waiting_line *line, const struct entry *entries, size_t count)
{
    size_t left = 0;
    for (size_t i = 0; i < count; i++) {
        left += entries[i].submission != NULL;
    }
    assert(line->end + left <= line->capacity);
    size_t from = line->end;      /* after the last waiting one not moved yet */
    size_t to = line->end + left; /* after the last free place */
    line->end = to;
    while (count > 0) { /* both lists from their ends, so that each entry moves once */
        const struct entry *last = &entries[count - 1];
        if (last->submission == NULL) {
            count--;
        } else if (from > line->first &&
                   line->entries[from - 1].submission->deadline_us >= last->submission->deadline_us) {
            line->entries[--to] = line->entries[--from];
        } else {
            line->entries[--to] = *last;
            count--;
        }
    }
    assert(to == from);
}

void waiting_line_drop_first(struct waiting_line *line, size_t count)
{
    assert(count <= waiting_line_count(line));
    line->first += count;
    if (line->first == line->end) {
        line->first = 0;
        line->end = 0;
    }
}

int64_t waiting_line_answer_late(struct waiting_line *line, int64_t now_us, enum status status)
{
    while (waiting_line_count(line) > 0) {
        struct entry first = line->entries[line->first];
        if (first.submission->deadline_us > now_us) {
            return first.submission->deadline_us;
        }
        waiting_line_drop_first(line, 1); /* before the answer: on_done may submit */
        entry_answer(&first, status);
    }
    return INT64_MAX;
}

void waiting_line_answer_all(struct waiting_line *line, enum status status)
{
    for (size_t left = waiting_line_count(line); left > 0; left--) {
        struct entry first = line->entries[line->first];
        waiting_line_drop_first(line, 1);
        entry_answer(&first, status);
    }
}

void waiting_line_done(struct waiting_line *line)
{
    free(line->entries);
}
